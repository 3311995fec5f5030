import type { ClientModel } from '../src/updates/client-model.ts';
import type { FeedFormat } from '../src/updates/feed-format.ts';
import type { Mover } from '../src/updates/mover.ts';
import { dolibarrClient } from './dolibarr/client-model.ts';
import { dolibarrFormat } from './dolibarr/format.ts';
import { dolibarrMover } from './dolibarr/mover.ts';
import { joomlaClient } from './joomla/client-model.ts';
import { joomlaFormat } from './joomla/format.ts';
import { joomlaMover } from './joomla/move/mover.ts';

/** One line a kind of client. */
export const feedFormats: readonly FeedFormat[] = [joomlaFormat, dolibarrFormat];

/** The same clients as previews and checks play them. */
export const clientModels: readonly ClientModel[] = [joomlaClient, dolibarrClient];

/** How their extensions are moved here. */
export const movers: readonly Mover[] = [joomlaMover, dolibarrMover];
