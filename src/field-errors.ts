import type { z } from 'zod';
import type { FieldError } from './errors.ts';

export type Issue = z.core.$ZodIssue;

/** Where a value stood: '' is the body itself; the others become the first segment of the pointer. */
export type Place = '' | '/query' | '/path' | '/header';

/** One segment of a JSON pointer, RFC 6901. */
export function pointerSegment(name: PropertyKey): string {
  return `/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** Says of each wrong field where it is and what is wrong, in the order in which they were found. Never repeats a value. */
export function fieldErrors(issues: readonly Issue[], input: unknown, place: Place): FieldError[] {
  return issues.flatMap((issue) => {
    const pointer = place + issue.path.map(pointerSegment).join('');
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({ pointer: pointer + pointerSegment(key), detail: 'is not known here' }));
    }
    if (issue.code === 'invalid_union' && issue.errors.length > 0) {
      const nearest = issue.errors.reduce((best, other) => (other.length < best.length ? other : best));
      return fieldErrors(
        nearest.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] })),
        input,
        place,
      );
    }
    const missing = issue.code === 'invalid_type' && valueAt(input, issue.path) === undefined;
    return [{ pointer, detail: missing ? 'is required' : issue.message }];
  });
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | null | undefined)?.[key], input);
}
