import { type ParseArgsConfig, parseArgs } from 'node:util';
import { type Config, readConfig } from '../config.ts';
import { type FieldError, ForgeTrouble, Problem } from '../errors.ts';
import { redactKeys } from '../http/redact.ts';

/** Exit codes that scripts can trust. */
export const EXIT = {
  ok: 0,
  /** It was understood and could not be done, or something is not as it should be. */
  failed: 1,
  /** The words of the call are wrong. */
  usage: 2,
  /** The configuration is wrong. */
  config: 3,
} as const;

export type Values = Record<string, string | boolean | (string | boolean)[] | undefined>;

/** Where a command writes: answers on stdout, everything else on stderr. */
export interface Io {
  /** People's words; nothing with `--json`. */
  say(text: string): void;
  /** The one JSON answer of a `--json` call. */
  json(value: unknown): void;
  /** Progress and warnings, on stderr. */
  note(text: string): void;
  env: Record<string, string | undefined>;
}

export interface Call {
  values: Values;
  positionals: string[];
  io: Io;
  isJson: boolean;
}

export interface Command {
  /** As typed, e.g. `key create`. */
  name: string;
  summary: string;
  /** What comes behind the name, e.g. `<product> [--mode listed]`. */
  usage: string;
  /** One line an option, for `--help`. */
  help?: readonly string[];
  options?: NonNullable<ParseArgsConfig['options']>;
  run(call: Call): Promise<number>;
}

/** The words were wrong; told with the usage line. */
export class UsageError extends Error {}

export function textOf(values: Values, name: string): string | undefined {
  const value = values[name];
  return typeof value === 'string' ? value : undefined;
}

export function listOf(values: Values, name: string): string[] {
  const value = values[name];
  const all = Array.isArray(value) ? value : value === undefined ? [] : [value];
  return all.flatMap((each) => (typeof each === 'string' ? each.split(',') : [])).filter((each) => each !== '');
}

export function flagOf(values: Values, name: string): boolean {
  return values[name] === true;
}

/** One of a closed list of words; throws UsageError that names them. */
export function choiceOf<T extends string>(values: Values, name: string, choices: readonly T[]): T | undefined {
  const text = textOf(values, name);
  if (text === undefined) return undefined;
  const found = choices.find((each) => each === text);
  if (found === undefined) throw new UsageError(`--${name} is one of ${choices.join(', ')}`);
  return found;
}

export function required(value: string | undefined, what: string): string {
  if (value === undefined || value === '') throw new UsageError(`${what} is missing`);
  return value;
}

export function numberOf(values: Values, name: string): number | undefined {
  const text = textOf(values, name);
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`--${name} is a whole number`);
  return Number(text);
}

class ConfigError extends Error {
  readonly faults: readonly string[];
  constructor(faults: readonly string[]) {
    super('the configuration is wrong');
    this.faults = faults;
  }
}

/** Throws ConfigError with every fault at once. */
export function configOf(io: Io, defaults: Record<string, string> = {}): Config {
  const result = readConfig(io.env, defaults);
  if (!result.ok) throw new ConfigError(result.faults);
  return result.config;
}

/** Finds the command that argv names (the longest name wins), runs it and gives the exit code. */
export async function runCommand(commands: readonly Command[], argv: readonly string[], io: Io): Promise<number> {
  const isHelp = argv.includes('--help') || argv.includes('-h') || argv[0] === 'help';
  const command = find(commands, argv);
  if (!command) {
    const words = argv.filter((word) => !word.startsWith('-') && word !== 'help').join(' ');
    if (words !== '' && !isGroup(commands, words)) io.note(`feedgate: there is no command "${redactKeys(words)}"\n`);
    (isHelp ? io.say : io.note)(overview(commands, isGroup(commands, words) ? words : (words.split(' ')[0] ?? '')));
    return isHelp || words === '' ? EXIT.ok : EXIT.usage;
  }
  if (isHelp) {
    io.say(helpOf(command));
    return EXIT.ok;
  }
  return run(command, argv.slice(command.name.split(' ').length), io);
}

function find(commands: readonly Command[], argv: readonly string[]): Command | undefined {
  const words = argv.filter((word) => word !== 'help');
  return [...commands]
    .sort((a, b) => b.name.length - a.name.length)
    .find(({ name }) => name.split(' ').every((word, i) => words[i] === word));
}

function isGroup(commands: readonly Command[], words: string): boolean {
  return commands.some(({ name }) => name.startsWith(`${words} `));
}

async function run(command: Command, args: readonly string[], io: Io): Promise<number> {
  const isJson = args.includes('--json');
  const quiet: Io = isJson ? { ...io, say: () => undefined } : { ...io, json: () => undefined };
  try {
    const options = { json: { type: 'boolean' as const }, ...command.options };
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
    return await command.run({ values: values as Values, positionals, io: quiet, isJson });
  } catch (error) {
    return explain(command, error, io, isJson);
  }
}

interface Failure {
  code: string;
  words: string;
  exit: number;
  errors: readonly FieldError[];
}

/** What may be told of an error: never a license key or a token that was typed. */
function failureOf(error: unknown): Failure {
  const words = redactKeys(wordsOf(error));
  if (error instanceof ConfigError) return { code: 'CONFIG', words, exit: EXIT.config, errors: [] };
  if (isUsage(error)) return { code: 'USAGE', words, exit: EXIT.usage, errors: [] };
  if (error instanceof Problem) return { code: error.code, words, exit: EXIT.failed, errors: error.errors };
  const code = error instanceof ForgeTrouble ? 'FORGE_TROUBLE' : 'FAILED';
  return { code, words, exit: EXIT.failed, errors: [] };
}

function wordsOf(error: unknown): string {
  if (error instanceof ConfigError)
    return ['The configuration is wrong:', ...error.faults.map((fault) => `  - ${fault}`)].join('\n');
  if (!(error instanceof Error)) return String(error);
  return error.message || (error as { code?: string }).code || error.name;
}

function isUsage(error: unknown): boolean {
  return (
    error instanceof UsageError || (error as { code?: string } | null)?.code?.startsWith?.('ERR_PARSE_ARGS') === true
  );
}

function explain(command: Command, error: unknown, io: Io, isJson: boolean): number {
  const { code, words, exit, errors } = failureOf(error);
  if (isJson) io.json({ error: { code, detail: words, errors } });
  const fields = errors.map(({ pointer, detail }) => `\n  ${pointer}: ${detail}`).join('');
  const usage = exit === EXIT.usage ? `\nusage: feedgate ${command.name} ${command.usage}` : '';
  io.note(exit === EXIT.config ? words : `feedgate ${command.name}: ${words}${fields}${usage}`);
  return exit;
}

function overview(commands: readonly Command[], group: string): string {
  const shown = isGroup(commands, group) ? commands.filter(({ name }) => name.startsWith(`${group} `)) : commands;
  const width = Math.max(...shown.map(({ name }) => name.length)) + 2;
  const lines = shown.map(({ name, summary }) => `  ${name.padEnd(width)}${summary}`);
  return ['usage: feedgate <command> [options]', '', ...lines, '', 'Every command has --help and --json.'].join('\n');
}

function helpOf({ name, usage, summary, help = [] }: Command): string {
  return [
    `usage: feedgate ${name} ${usage}`.trimEnd(),
    '',
    summary,
    ...(help.length > 0 ? ['', ...help.map((line) => `  ${line}`)] : []),
  ].join('\n');
}
