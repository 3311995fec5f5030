import type { Migration } from '../src/db/migrate.ts';
import { first } from './0001-first.ts';
import { access } from './0002-access.ts';
import { keys } from './0003-keys.ts';
import { people } from './0004-people.ts';
import { settings } from './0005-settings.ts';
import { sites } from './0006-sites.ts';
import { customers } from './0007-customers.ts';
import { webhooks } from './0008-webhooks.ts';
import { usage } from './0009-usage.ts';
import { bulk } from './0010-bulk.ts';
import { imports } from './0011-imports.ts';
import { moving } from './0012-moving.ts';
import { ownerIds } from './0013-owner-ids.ts';
import { payments } from './0014-payments.ts';
import { mails } from './0015-mails.ts';
import { selling } from './0016-selling.ts';
import { meters } from './0017-meters.ts';

/** In order of application; only ever appended to. */
export const migrations: readonly Migration[] = [
  first,
  access,
  keys,
  people,
  settings,
  sites,
  customers,
  webhooks,
  usage,
  bulk,
  imports,
  moving,
  ownerIds,
  payments,
  mails,
  selling,
  meters,
];
