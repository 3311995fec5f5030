import { describe, it } from 'vitest';
import { forgejoDriver, giteaDriver } from '../../src/forge/gitea/driver.ts';
import { forgeContract } from './forge-contract.ts';
import { fakeStage } from './forge-contract-fake.ts';
import { liveStage } from './forge-contract-live.ts';

forgeContract('Gitea, played,', giteaDriver, () => fakeStage({ kind: 'gitea' }));
forgeContract('Forgejo, played,', forgejoDriver, () => fakeStage({ kind: 'forgejo' }));
forgeContract('Gitea with small pages', giteaDriver, () => fakeStage({ kind: 'gitea', maxItems: 7 }));

/** A site admin's token; FORGE_KIND is `gitea` where it is not said. FORGE_PEOPLE=1 for a forge on which users may come and go. */
const {
  FORGE_URL: liveUrl,
  FORGE_ADMIN_TOKEN: liveToken,
  FORGE_KIND: liveKind,
  FORGE_PEOPLE: livePeople,
} = process.env;

if (liveUrl && liveToken) {
  const driver = liveKind === 'forgejo' ? forgejoDriver : giteaDriver;
  const url = liveUrl.replace(/\/$/, '');
  forgeContract(`a real ${driver.kind}`, driver, () => liveStage(driver.kind, url, liveToken, livePeople === '1'));
} else {
  process.stderr.write('SKIPPED: the contract on a real Gitea or Forgejo; give FORGE_URL and FORGE_ADMIN_TOKEN\n');
  describe('a real forge', () => it.skip('needs FORGE_URL and FORGE_ADMIN_TOKEN', () => undefined));
}
