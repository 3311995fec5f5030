import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { apiRoutes, openCore } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { makeLogger } from '../../src/http/log.ts';
import { accessPage } from '../support/access-table.ts';
import { repository } from './third-parties.ts';

/** Writes docs/access.md from the routes: `npm run access`, after a route was added or its scope or role changed. */
const folder = mkdtempSync(join(tmpdir(), 'feedgate-access-'));
const read = readConfig({ PUBLIC_URL: 'http://localhost', DATA_DIR: folder });
if (!read.ok) throw new Error(read.faults.join('; '));
const core = await openCore(read.config, { log: makeLogger({ level: 'silent' }) });
writeFileSync(join(repository, 'docs/access.md'), accessPage(apiRoutes(core)));
await core.close();
rmSync(folder, { recursive: true, force: true });
