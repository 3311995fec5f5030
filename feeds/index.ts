import type { ClientModel } from '../src/updates/client-model.ts';
import type { FeedFormat } from '../src/updates/feed-format.ts';
import type { Mover } from '../src/updates/mover.ts';
import type { OldDocumentReader } from '../src/updates/old-releases.ts';
import type { Surveyor } from '../src/updates/survey.ts';
import { dolibarrClient } from './dolibarr/client-model.ts';
import { dolibarrFormat } from './dolibarr/format.ts';
import { dolibarrMover } from './dolibarr/mover.ts';
import { dolibarrSurveyor } from './dolibarr/surveyor.ts';
import { joomlaClient } from './joomla/client-model.ts';
import { joomlaFormat } from './joomla/format.ts';
import { joomlaMover } from './joomla/move/mover.ts';
import { joomlaOldDocument } from './joomla/move/old-releases.ts';
import { joomlaSurveyor } from './joomla/move/surveyor.ts';

/** One line a kind of client. */
export const feedFormats: readonly FeedFormat[] = [joomlaFormat, dolibarrFormat];

/** The same clients as previews and checks play them. */
export const clientModels: readonly ClientModel[] = [joomlaClient, dolibarrClient];

/** How their extensions are moved here. */
export const movers: readonly Mover[] = [joomlaMover, dolibarrMover];

/** How their feeds and sources are judged before a move. */
export const surveyors: readonly Surveyor[] = [joomlaSurveyor, dolibarrSurveyor];

/** What releases are brought in from; Dolibarr's document names one version and no file. */
export const oldDocuments: readonly OldDocumentReader[] = [joomlaOldDocument];
