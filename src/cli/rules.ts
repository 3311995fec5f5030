import { text } from 'node:stream/consumers';
import type { z } from 'zod';
import type { Core } from '../app.ts';
import { readIfThere } from '../disk-io.ts';
import { type FieldError, problem } from '../errors.ts';
import { requireOrganization, requireRepository } from '../forge/forge-reads.ts';
import type { Level } from '../releases/level.ts';
import { changeOrganizationRules, changeRepositoryRules, readRules } from '../releases/rules.ts';
import { mergeRules, repositoryTagRulesSchema, type TagRules, tagRulesSchema } from '../releases/tag-rules.ts';
import { type Call, type Command, EXIT, listOf, required, textOf, UsageError, type Values } from './command.ts';
import { byCli, withCore } from './session.ts';
import { table } from './table.ts';

export const rulesShow: Command = {
  name: 'rules show',
  summary: 'Shows the channels, and how tags become versions and channels.',
  usage: '<org>|<org/repo>',
  help: [
    'In words: the rules that are in force, those of the organization behind those of the repository.',
    '--json: what was set on this level, as `rules set --file` takes it.',
  ],
  async run(call) {
    const name = required(call.positionals[0], 'the organization or repository');
    return withCore(call, 'database', async (core) => {
      tell(call, await namedLevel(core, name));
      return EXIT.ok;
    });
  },
};

export const rulesSet: Command = {
  name: 'rules set',
  summary: 'Sets channels and rules for tags; the releases are read again.',
  usage: '<org>|<org/repo> [--file rules.json|-] [--channel lts:stable:*-lts] [--ignore "test-*"]',
  help: [
    '--file      all rules as JSON, in place of those that are set; - reads them from stdin',
    '--channel   name:word[:glob,…], as often as wanted: adds a channel to the rules, or replaces the one of that name;',
    '            word is what clients see: stable, rc, beta, alpha or dev. Of a repository: name:glob[,glob…]',
    '--ignore    a pattern of tags that are no releases, beside those that are set; as often as wanted',
  ],
  options: {
    file: { type: 'string' },
    channel: { type: 'string', multiple: true },
    ignore: { type: 'string', multiple: true },
  },
  async run(call) {
    const name = required(call.positionals[0], 'the organization or repository');
    const { values } = call;
    if (['file', 'channel', 'ignore'].every((option) => values[option] === undefined))
      throw new UsageError('say --file, --channel or --ignore');
    const file = await fileOf(textOf(values, 'file'));
    return withCore(call, 'database', async (core) => {
      const { organization, repository } = await namedLevel(core, name);
      if (repository === null) {
        const base = file ?? readRules({ organization, repository }).organization;
        const rules = checked(tagRulesSchema, withOwn(checked(tagRulesSchema, base), values));
        await changeOrganizationRules(core.db, organization.id, rules, byCli(core));
      } else {
        const base = file ?? readRules({ organization, repository }).repository;
        const rules = checked(repositoryTagRulesSchema, withAdded(checked(repositoryTagRulesSchema, base), values));
        await changeRepositoryRules(core.db, repository, rules, byCli(core));
      }
      tell(call, await namedLevel(core, name));
      call.io.note('The server reads the releases again; feedgate product sync does it now.');
      return EXIT.ok;
    });
  },
};

async function namedLevel({ db }: Core, name: string): Promise<Level> {
  const [org = '', repo, ...rest] = name.split('/');
  if (org === '' || repo === '' || rest.length > 0) throw new UsageError('name an organization, or org/repo');
  const organization = await requireOrganization(db, org);
  return { organization, repository: repo === undefined ? null : await requireRepository(db, organization, repo) };
}

/** undefined: no file is named. */
async function fileOf(path: string | undefined): Promise<unknown> {
  if (path === undefined) return undefined;
  const content = path === '-' ? await text(process.stdin) : (await readIfThere(path))?.toString('utf8');
  if (content === undefined) throw new UsageError(`--file names a file that is not there: ${path}`);
  try {
    return JSON.parse(content);
  } catch {
    throw problem('INVALID_REQUEST', `${path === '-' ? 'what came on stdin' : path} is no JSON`);
  }
}

/** Throws INVALID_REQUEST that points at each wrong field. */
function checked<T extends z.ZodType>(schema: T, rules: unknown): z.output<T> {
  const parsed = schema.safeParse(rules);
  if (parsed.success) return parsed.data;
  const errors: FieldError[] = parsed.error.issues.map(({ path, message }) => ({
    pointer: path.map((part) => `/${String(part)}`).join(''),
    detail: message,
  }));
  throw problem('INVALID_REQUEST', 'the rules are not valid', { errors });
}

function withOwn(rules: z.output<typeof tagRulesSchema>, values: Values) {
  const added = channelsSaid(values).map((said) => {
    const [name, word, globs, ...rest] = said.split(':');
    if (!name || !word || rest.length > 0) throw new UsageError('--channel is name:word[:glob,…]');
    return { name, word, tags: globsOf(globs) };
  });
  const kept = rules.channels.filter(({ name }) => added.every((each) => each.name !== name));
  return { ...rules, channels: [...kept, ...added], ignore: united(rules.ignore, listOf(values, 'ignore')) };
}

function withAdded(rules: z.output<typeof repositoryTagRulesSchema>, values: Values) {
  const added = channelsSaid(values).map((said) => {
    const [name, globs, ...rest] = said.split(':');
    if (!name || !globs || rest.length > 0)
      throw new UsageError(
        '--channel of a repository is name:glob[,glob…]; what clients see of it, its organization says',
      );
    return [name, globsOf(globs)] as const;
  });
  const tags = { ...rules.tags, ...Object.fromEntries(added) };
  return { ...rules, tags, ignore: united(rules.ignore, listOf(values, 'ignore')) };
}

/** As typed: `listOf` would take the commas between patterns for its own. */
function channelsSaid({ channel }: Values): string[] {
  return Array.isArray(channel) ? channel.filter((each) => typeof each === 'string') : [];
}

function globsOf(said = ''): string[] {
  return said.split(',').filter((glob) => glob !== '');
}

function united(before: readonly string[], more: readonly string[]): string[] {
  return [...new Set([...before, ...more])];
}

function tell({ io }: Call, level: Level): void {
  const { organization, repository } = readRules(level);
  io.json(repository ?? organization);
  io.say(inWords(mergeRules(organization, repository)));
}

function inWords({ channels, prefixes, ignore, prerelease }: TagRules): string {
  const rows = channels.map(({ name, word, tags }) => [name, word, tags.join(', ') || '-']);
  return [
    table([['channel', 'shown as', 'tags beside its own word'], ...rows]),
    '',
    `prefixes dropped from tags: ${prefixes.join(', ') || '-'}`,
    `ignored tags: ${ignore.join(', ') || '-'}`,
    `prereleases of the forge belong to: ${prerelease}`,
  ].join('\n');
}
