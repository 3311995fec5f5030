import { createHash } from 'node:crypto';

/** Git's own id of a file's content. https://git-scm.com/book/en/v2/Git-Internals-Git-Objects */
export function gitBlobId(content: Uint8Array): string {
  return createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
}
