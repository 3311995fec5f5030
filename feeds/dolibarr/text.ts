import type { FeedDocument, FeedInput } from '../../src/updates/feed-format.ts';
import { newestAnnounced } from './announced-version.ts';

/**
 * `dolibarr.txt`, all that a stock Dolibarr reads: the newest version in Dolibarr's own order, a newline, at most 29 bytes.
 * Versions that are only shown count too: their owner is to hear of them. Empty means "up to date" to Dolibarr, whatever the status.
 */
export const textDocument: FeedDocument = {
  fileName: 'dolibarr.txt',
  kind: 'feed',
  contentType: 'text/plain; charset=utf-8',
  render: renderText,
  empty: '',
};

function renderText(input: FeedInput): string {
  const newest = newestAnnounced(input.releases.map((release) => release.version));
  return newest === null ? '' : `${newest}\n`;
}
