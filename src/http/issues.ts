import { type FieldError, type Problem, problem } from '../errors.ts';
import type { Issue } from '../field-errors.ts';
import { WRONG_ID_KIND } from './id-param.ts';

/** The problem that a failed check of a request amounts to. A mixed-up id has a code of its own. */
export function requestProblem(issues: readonly Issue[], errors: FieldError[]): Problem {
  const mixedUp = issues.some(
    (issue) => issue.code === 'custom' && issue.params?.['problem'] === WRONG_ID_KIND.problem,
  );
  return problem(mixedUp ? 'WRONG_ID_KIND' : 'INVALID_REQUEST', inOneSentence(errors), { errors });
}

function inOneSentence(errors: readonly FieldError[]): string {
  const [first, ...others] = errors;
  if (!first) return 'the request is not valid';
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  return `${first.pointer === '' ? 'the body' : first.pointer}: ${first.detail}${more}`;
}
