import { redactKeys } from './redact.ts';

/**
 * A body without the fields that the pointers name (RFC 6901; the segment `*` is every item of a list). What wears the pattern of
 * a key or token is masked besides, so that a forgotten pointer does not put one into the database. The given body stays as it is.
 */
export function withoutSecrets(body: unknown, pointers: readonly string[]): unknown {
  if (body === undefined) return undefined;
  const copy: unknown = JSON.parse(JSON.stringify(body));
  for (const pointer of pointers) removeAt(copy, pointer.split('/').slice(1).map(unescapeSegment));
  return JSON.parse(redactKeys(JSON.stringify(copy)));
}

function unescapeSegment(segment: string): string {
  return segment.replaceAll('~1', '/').replaceAll('~0', '~');
}

function removeAt(value: unknown, [first, ...rest]: readonly string[]): void {
  if (typeof value !== 'object' || value === null || first === undefined) return;
  if (first === '*' && Array.isArray(value)) {
    for (const item of value) removeAt(item, rest);
    return;
  }
  const fields = value as Record<string, unknown>;
  if (rest.length > 0) removeAt(fields[first], rest);
  else delete fields[first];
}
