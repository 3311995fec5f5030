import { createHash } from 'node:crypto';

/** A strong validator of a body: everything that can change it is in `parts`. */
export function entityTag(parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\n');
  return `"${hash.digest('base64url').slice(0, 27)}"`;
}

/** True where the sender of `If-None-Match` has the body of this tag. RFC 9110, 13.1.2: the comparison is weak. */
export function isFresh(sent: string | undefined, tag: string): boolean {
  if (sent === undefined) return false;
  return sent.trim() === '*' || sent.split(',').some((each) => each.trim().replace(/^W\//, '') === tag);
}
