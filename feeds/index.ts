import type { FeedFormat } from '../src/updates/feed-format.ts';
import { dolibarrFormat } from './dolibarr/format.ts';
import { joomlaFormat } from './joomla/format.ts';

/** One line a kind of client. */
export const feedFormats: readonly FeedFormat[] = [joomlaFormat, dolibarrFormat];
