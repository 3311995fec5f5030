import { writeFile } from 'node:fs/promises';
import type { ReleaseProblem } from '../releases/release.ts';
import { type Call, choiceOf, UsageError } from './command.ts';

export const FORMATS = ['text', 'json', 'github'] as const;

/** Problems of one thing: a file, a tag, a product. */
export interface Found {
  subject: string;
  /** What it is, where that is known. */
  about: string;
  problems: readonly ReleaseProblem[];
}

export function isFailed(found: readonly Found[], failOn: 'error' | 'warning' | 'never'): boolean {
  const severities = found.flatMap(({ problems }) => problems.map(({ severity }) => severity));
  if (failOn === 'never') return false;
  return failOn === 'warning' ? severities.length > 0 : severities.includes('error');
}

export function print({ io, values, isJson }: Call, found: readonly Found[]): void {
  const format = isJson ? 'json' : (choiceOf(values, 'format', FORMATS) ?? 'text');
  const report = reportOf(found);
  io.json(report);
  if (isJson) return;
  const lines = { text: words, github: annotations, json: () => [JSON.stringify(report)] }[format];
  io.say(lines(found).join('\n'));
}

/** For what runs after: the same answer as `--json` gives. Throws UsageError where it cannot be written. */
export async function writeReport(path: string, found: readonly Found[]): Promise<void> {
  try {
    await writeFile(path, `${JSON.stringify(reportOf(found), null, 2)}\n`);
  } catch (error) {
    throw new UsageError(
      `--report ${path} cannot be written: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function reportOf(found: readonly Found[]) {
  const problems = found.flatMap((each) => each.problems).length;
  return { clean: problems === 0, problems, results: found };
}

function words(found: readonly Found[]): string[] {
  const count = found.flatMap(({ problems }) => problems).length;
  const lines = found.flatMap(({ subject, about, problems }) => [
    `${subject}${about === '' ? '' : ` (${about})`}: ${problems.length === 0 ? 'clean' : ''}`.trimEnd(),
    ...problems.flatMap(({ severity, code, detail, fix }) => [`  ${severity} ${code}: ${detail}`, `    ${fix}`]),
  ]);
  return [...lines, count === 0 ? 'No problems.' : `${count} ${count === 1 ? 'problem' : 'problems'}.`];
}

/** https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands; elsewhere the lines are plain words. */
function annotations(found: readonly Found[]): string[] {
  const lines = found.flatMap(({ subject, problems }) =>
    problems.map(({ severity, code, detail, fix }) => {
      const place = `file=${inProperty(subject)},title=${inProperty(code)}`;
      return `::${severity} ${place}::${inMessage(`${detail} ${fix}`)}`;
    }),
  );
  return lines.length === 0 ? ['No problems.'] : lines;
}

function inMessage(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function inProperty(text: string): string {
  return inMessage(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
