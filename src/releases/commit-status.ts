import type { CommitState } from '../forge/forge.ts';
import type { ReleaseProblem } from './release.ts';

export const STATUS_CONTEXT = 'feedgate/lint';

/** GitHub takes no more. */
const LONGEST = 140;

/** Everything that is known of one commit, over all products that are released from it. */
export interface CommitFindings {
  commit: string;
  versions: readonly string[];
  problems: readonly Pick<ReleaseProblem, 'code' | 'severity' | 'detail'>[];
}

/** What a commit is marked with: an error keeps the release out of the feeds, a warning does not. */
export function commitStatusOf({ versions, problems }: CommitFindings): { state: CommitState; description: string } {
  const seen = new Map(problems.map((each) => [`${each.code} ${each.detail}`, each]));
  const found = [...seen.values()].sort((a, b) => Number(b.severity === 'error') - Number(a.severity === 'error'));
  const [worst] = found;
  if (worst === undefined) return { state: 'success', description: cut(`${listed(versions)}: no problems`) };
  const isError = worst.severity === 'error';
  const words = [...new Set(found.map(({ code }) => code.toLowerCase().replaceAll('_', ' ')))].join(', ');
  const count = `${found.length} ${isError ? 'problem' : 'warning'}${found.length === 1 ? '' : 's'}`;
  return { state: isError ? 'failure' : 'warning', description: cut(`${count}: ${words}`) };
}

function listed(versions: readonly string[]): string {
  return versions.length === 0 ? 'Nothing is released from it' : [...new Set(versions)].join(', ');
}

function cut(text: string): string {
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`;
}
