import { ForgeTrouble } from '../errors.ts';
import { forgeFetch, readBounded } from '../forge/fetch.ts';
import type { OldFeed } from '../updates/survey.ts';
import { UsageError } from './command.ts';

const LARGEST_FEED = 10 * 1024 * 1024;

/** An update document at an address that the operator typed. A key in its query is not told on. */
export async function fetchDocument(url: string): Promise<OldFeed> {
  const from = url.replace(/[?#].*$/, '');
  if (!URL.canParse(url)) throw new UsageError(`${from} is no address`);
  try {
    const fetch = forgeFetch({ baseUrl: new URL(url).origin, token: null }, { expect: 'bytes', leaveOrigin: true });
    const answer = await fetch(url);
    const bytes = answer.ok && answer.body ? await readBounded(answer.body, LARGEST_FEED) : null;
    if (bytes === null) throw new UsageError(`${from} answered ${answer.status}, or with more than 10 MB`);
    return { from, bytes };
  } catch (error) {
    if (error instanceof ForgeTrouble) throw new UsageError(`${from} cannot be read: ${error.message}`);
    throw error;
  }
}
