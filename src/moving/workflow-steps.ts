import { isMap, isSeq, parse, parseDocument, type YAMLMap } from 'yaml';

export interface WorkflowEdit {
  text: string;
  /** Names of the steps that were taken out. */
  removed: string[];
  /** Steps that may write the file as well, and why they were left. */
  unsure: string[];
}

/** Whether a path is a workflow that a runner reads. */
export function isWorkflow(path: string): boolean {
  return /^\.(?:github|gitea|forgejo)\/workflows\/[^/]+\.ya?ml$/.test(path);
}

/**
 * Takes out of a workflow the steps that wrote a feed file, and nothing else: every other line stays as it is. A step goes only
 * where all that it does is about that file; what else mentions it is told. Never throws for a file that is no YAML.
 */
export function withoutFeedSteps(source: string, fileNames: readonly string[]): WorkflowEdit {
  const nothing: WorkflowEdit = { text: source, removed: [], unsure: [] };
  if (!fileNames.some((name) => source.includes(name))) return nothing;
  const document = parseDocument(source);
  if (document.errors.length > 0)
    return { ...nothing, unsure: ['the file mentions it and is no YAML that can be read'] };
  const edit = { ...nothing };
  const cuts: [number, number][] = [];
  for (const { job, steps } of jobsOf(document.contents)) {
    const judged = steps.map((step) => ({ step, verdict: verdictOf(step, fileNames, source) }));
    const gone = judged.filter(({ verdict }) => verdict === 'goes');
    const left = judged.filter(({ verdict }) => verdict !== 'goes');
    for (const { step, verdict } of left)
      if (verdict === 'unsure') edit.unsure.push(`${nameOf(step)} (job ${job}) does other things as well`);
    if (gone.length === 0) continue;
    if (!left.some(({ step }) => doesWork(step))) {
      edit.unsure.push(`the job ${job} does nothing else: delete it, and what \`needs\` it`);
      continue;
    }
    const used = gone.find(({ step }) => isUsedLater(step, source));
    if (used) {
      edit.unsure.push(`${nameOf(used.step)} (job ${job}) sets outputs that are used elsewhere`);
      continue;
    }
    for (const { step } of gone) cuts.push(linesOf(step, source));
    edit.removed.push(...gone.map(({ step }) => nameOf(step)));
  }
  let text = source;
  for (const [start, end] of cuts.sort(([a], [b]) => b - a)) text = text.slice(0, start) + text.slice(end);
  if (isSame(source, text, cuts.length)) return { ...edit, text };
  return {
    ...nothing,
    unsure: [...edit.unsure, ...edit.removed.map((name) => `${name} could not be cut out cleanly`)],
  };
}

function jobsOf(root: unknown): { job: string; steps: YAMLMap[] }[] {
  const jobs = isMap(root) ? root.get('jobs') : null;
  if (!isMap(jobs)) return [];
  return jobs.items.flatMap(({ key, value }) => {
    const steps = isMap(value) ? value.get('steps') : null;
    if (!isSeq(steps)) return [];
    return [{ job: String(key), steps: steps.items.filter((step): step is YAMLMap => isMap(step)) }];
  });
}

/** Commands that a step which writes the file may have beside it, and that mean nothing by themselves. */
const BESIDE =
  /^(?:#|set\s|cd\s|git\s+(?:config|add|commit|push|pull|checkout|fetch|diff|status)\b|echo\b|export\s|[A-Za-z_]\w*=|if\b|then\b|else\b|elif\b|fi\b|for\b|do\b|done\b|exit\b|true\b|\{|\}|\|\||&&)/;
const HEREDOC = /<<-?\s*['"]?([A-Za-z_]\w*)['"]?/;

function verdictOf(step: YAMLMap, fileNames: readonly string[], source: string): 'goes' | 'unsure' | 'stays' {
  const run = step.get('run');
  const [start, end] = linesOf(step, source);
  const whole = source.slice(start, end);
  if (!fileNames.some((name) => whole.includes(name))) return 'stays';
  if (typeof run !== 'string') return step.has('uses') ? 'unsure' : 'stays';
  const commands = commandsOf(run);
  const about = commands.filter((line) => fileNames.some((name) => line.includes(name)));
  const writes = about.some((line) => writesOne(line, fileNames));
  if (!writes) return 'stays';
  const others = commands.filter((line) => !about.includes(line) && !BESIDE.test(line));
  return others.length === 0 && !addsMore(commands, fileNames) ? 'goes' : 'unsure';
}

/** Lines with continuations joined and bodies of here-documents put to their command. */
function commandsOf(run: string): string[] {
  const commands: string[] = [];
  let until: string | null = null;
  for (const line of run.replace(/\\\r?\n/g, ' ').split(/\r?\n/)) {
    if (until !== null) {
      if (line.trim() === until) until = null;
      else commands[commands.length - 1] += ` ${line.trim()}`;
      continue;
    }
    if (line.trim() === '') continue;
    commands.push(line.trim());
    until = HEREDOC.exec(line)?.[1] ?? null;
  }
  return commands;
}

function writesOne(command: string, fileNames: readonly string[]): boolean {
  return fileNames.some((name) => {
    const file = `["']?[\\w./$}{-]*${name.replaceAll('.', '\\.')}`;
    return new RegExp(
      `>{1,2}\\s*${file}|\\btee\\s+(?:-a\\s+)?${file}|\\b(?:cp|mv)\\s.*\\s${file}|\\bsed\\s+.*-i.*${file}|\\bgit\\s+(?:add|commit)\\b.*${file}|(?:-o|--out(?:put|file)?)[ =]${file}|\\b(?:python3?|php|node|bash|sh|make|perl|xmlstarlet)\\s.*${file}`,
    ).test(command);
  });
}

/** A commit that takes other files along does more than this step is taken out for. */
function addsMore(commands: readonly string[], fileNames: readonly string[]): boolean {
  return commands.some((line) => {
    if (/\bgit\s+commit\s+(?:.*\s)?-\w*a/.test(line)) return false;
    const added = /\bgit\s+add\s+(.*?)(?:\s*(?:&&|;|\|\|).*)?$/.exec(line)?.[1];
    if (added === undefined) return false;
    const paths = added.split(/\s+/).filter((path) => path !== '' && !path.startsWith('-'));
    return paths.some((path) => !fileNames.some((name) => path.replace(/["']/g, '').endsWith(name)));
  });
}

/** Checking out and preparing is no work of its own. */
function doesWork(step: YAMLMap): boolean {
  const uses = step.get('uses');
  return !(typeof uses === 'string' && /(?:^|\/)(?:checkout|setup-[\w-]+|cache)@/.test(uses));
}

function isUsedLater(step: YAMLMap, source: string): boolean {
  const id = step.get('id');
  return typeof id === 'string' && new RegExp(`steps\\.${id}\\b`).test(source);
}

function nameOf(step: YAMLMap): string {
  const name = step.get('name') ?? step.get('id') ?? step.get('uses');
  if (typeof name === 'string') return `"${name}"`;
  const run = step.get('run');
  return `"${(typeof run === 'string' ? run.trim().split('\n')[0] : 'a step')?.slice(0, 60)}"`;
}

/** From the start of the line with the dash, comments right above it included, to the start of the line after it. */
function linesOf(step: YAMLMap, source: string): [number, number] {
  const [from, valueEnd] = step.range ?? [0, 0, 0];
  let start = source.lastIndexOf('\n', from - 1) + 1;
  const dash = /^[ \t]*/.exec(source.slice(start))?.[0] ?? '';
  for (;;) {
    const before = source.lastIndexOf('\n', start - 2) + 1;
    const line = source.slice(before, start);
    if (start === 0 || before >= start || !line.startsWith(`${dash}#`)) break;
    start = before;
  }
  const rest = source.slice(0, valueEnd);
  const end = rest.endsWith('\n') ? valueEnd : source.indexOf('\n', valueEnd) + 1 || source.length;
  return [start, end];
}

/** Only steps may have gone, and just as many as were cut. */
function isSame(before: string, after: string, cut: number): boolean {
  try {
    const [was, is] = [stepsIn(parse(before)), stepsIn(parse(after))];
    return was.length - is.length === cut && is.every((step) => was.includes(step));
  } catch {
    return false;
  }
}

function stepsIn(workflow: { jobs?: Record<string, { steps?: unknown[] }> }): string[] {
  return Object.values(workflow.jobs ?? {}).flatMap(({ steps }) => (steps ?? []).map((step) => JSON.stringify(step)));
}
