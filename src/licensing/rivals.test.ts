import { describe, expect, it } from 'vitest';
import { onEachDatabase } from '../../test/support/databases.ts';
import {
  type PackageChange,
  SEED_NOW,
  seedGrant,
  seedKey,
  seedPackage,
  seedSecrets,
  seedShop,
  seedSite,
  seedSoldLicense,
} from '../../test/support/seed.ts';
import { DAY, toIso } from '../clock.ts';
import { type Credentials, makeGate } from './gate.ts';
import { makeLookup } from './lookup.ts';
import { makeRecorder } from './record.ts';
import { releaseActivation } from './store-activations.ts';
import { updateKey } from './store-keys.ts';
import { updatePackage } from './store-packages.ts';
import type { Question } from './verdict.ts';

/** Faults that others' licensing servers have had, each by the name of where it happened. None of them may happen here. */
onEachDatabase('faults that others have had', (database) => {
  async function scene(change: PackageChange = {}, now: number = SEED_NOW) {
    const { db } = database();
    const shop = await seedShop(db);
    const sold = await seedSoldLicense(db, shop, change);
    const gate = makeGate({
      clock: () => now,
      secrets: seedSecrets,
      keyPrefixes: () => ['FG1'],
      lookup: makeLookup(db),
      record: makeRecorder(db),
    });
    async function poll(wish: Partial<Credentials> & { kind?: Question['kind'] } = {}) {
      const { kind = 'download', ...credentials } = wish;
      const from = { keyText: sold.key.text, siteText: 'example.com', instanceText: null, platform: null };
      const asked = await gate.ask(kind, [shop.path], { ...from, ...credentials });
      if (!asked) throw new Error('the product is not there');
      return gate.record(asked, { kind, platformVersion: '', extensionVersion: null, code: asked.verdict.code });
    }
    const slots = () =>
      db.read((tx) => tx('activations').where({ license_id: sold.license.id, released_at: null }).pluck('identity'));
    return { db, shop, ...sold, poll, slots };
  }

  describe('limits', () => {
    it('polar-race-past-limit: many sites at once stay within the limit', async () => {
      const { poll, slots } = await scene({ terms: { sites: 3 } });
      const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => poll({ siteText: `s${i}.example.com` })));
      expect(answers.filter(({ allowed }) => allowed)).toHaveLength(3);
      expect(await slots()).toHaveLength(3);
    });

    it('polar-limitless-key-403: without a limit every site is let in', async () => {
      const { poll, slots } = await scene({ terms: { sites: null } });
      for (let i = 0; i < 8; i++) expect((await poll({ siteText: `s${i}.example.com` })).code).toBe('VALID');
      expect(await slots()).toHaveLength(8);
    });

    it('polar-per-customer-limit-override: an add-on for one license changes no other', async () => {
      const [mine, theirs] = [await scene(), await scene()];
      const addon = await seedPackage(mine.db, mine.shop.organization, { kind: 'addon', terms: { sites: 1 } });
      await seedGrant(mine.db, mine.license, addon);
      const two = async (each: typeof mine) =>
        [await each.poll(), await each.poll({ siteText: 'b.example.com' })].map(({ code }) => code);
      expect(await two(mine)).toEqual(['VALID', 'VALID']);
      expect(await two(theirs)).toEqual(['VALID', 'SITE_LIMIT']);
    });

    it('polar-limit-edit-regrants-revoked: a package edited later revives no revoked key and changes nothing sold', async () => {
      const { db, package: sold, key, license, poll } = await scene();
      await db.tx((tx) => updateKey(tx, key.id, { revokedAt: toIso(SEED_NOW) }));
      await db.tx((tx) => updatePackage(tx, sold, { terms: { ...sold.terms, sites: 50 } }, 'test', toIso(SEED_NOW)));
      expect((await poll()).code).toBe('KEY_REVOKED');
      const next = await seedKey(db, license);
      expect((await poll({ keyText: next.text })).code).toBe('VALID');
      expect((await poll({ keyText: next.text, siteText: 'b.example.com' })).code).toBe('SITE_LIMIT');
    });

    it('updatepulse-same-domain-reinstall: a site that was installed anew keeps its slot', async () => {
      const { poll, slots } = await scene();
      for (const letter of ['a', 'b', 'c'])
        expect((await poll({ instanceText: letter.repeat(64) })).code).toBe('VALID');
      expect(await slots()).toEqual(['example.com']);
    });
  });

  describe('time', () => {
    it('polar-expired-key-activates: an ended key takes no slot', async () => {
      const { poll, slots } = await scene({}, SEED_NOW + 400 * DAY);
      expect((await poll()).code).toBe('EXPIRED');
      expect(await slots()).toEqual([]);
    });

    it('edd-expired-cannot-release: a slot of an ended license can be given up', async () => {
      const { db, license, slots, poll } = await scene({}, SEED_NOW + 400 * DAY);
      const slot = await seedSite(db, license, 'example.com');
      expect((await poll()).code).toBe('EXPIRED');
      expect(await db.tx((tx) => releaseActivation(tx, slot.id, 'test', toIso(SEED_NOW)))).toBe(true);
      expect(await slots()).toEqual([]);
    });

    it('polar-key-not-found-after-purchase: a key is known the moment it was sold', async () => {
      const { db, license, poll } = await scene();
      for (let i = 0; i < 5; i++)
        expect((await poll({ keyText: (await seedKey(db, license)).text })).code).toBe('VALID');
    });
  });

  describe('what is asked', () => {
    it('polar-usage-on-validate: a validation takes no slot and starts no time', async () => {
      const { db, grant, poll, slots } = await scene({ terms: { startsOn: 'first_use' } });
      expect(await poll({ kind: 'validate' })).toMatchObject({ code: 'VALID', claim: null, firstUse: [] });
      expect(await slots()).toEqual([]);
      expect(await db.read((tx) => tx('grants').where({ id: grant.id }).pluck('first_used_at'))).toEqual([null]);
    });

    it('keygate-addon-missing-in-verify: a validation knows the add-ons that a download gets', async () => {
      const { db, shop, license, poll } = await scene();
      const addon = await seedPackage(db, shop.organization, {
        kind: 'addon',
        terms: { channels: ['beta'], entitlements: { reports: true } },
      });
      await seedGrant(db, license, addon);
      for (const kind of ['validate', 'feed', 'download'] as const)
        expect(await poll({ kind })).toMatchObject({
          channels: ['beta', 'stable'],
          terms: { entitlements: { reports: true } },
        });
    });

    it('keygate-two-usable-functions: feed, download and validation say the same of a key in any state', async () => {
      for (const days of [0, 360, 367, 400]) {
        const { poll } = await scene({ terms: { graceDays: 14 } }, SEED_NOW + days * DAY);
        const codes = [];
        for (const kind of ['validate', 'feed', 'download'] as const) codes.push((await poll({ kind })).code);
        expect(new Set(codes).size).toBe(1);
      }
    });

    it('keygate-second-purchase-swallowed: what is bought a second time adds time, or stacks', async () => {
      const { db, shop, license, package: sold, poll } = await scene();
      await seedGrant(db, license, sold, { given: SEED_NOW + DAY });
      const other = await seedPackage(db, shop.organization, { terms: { sites: 4 } });
      await seedGrant(db, license, other);
      expect((await poll()).terms).toMatchObject({ end: Date.UTC(2028, 0, 1, 12), limits: { sites: 5 } });
    });

    it('woo-cached-query: a key that was just revoked is refused at once', async () => {
      const { db, key, poll } = await scene();
      expect((await poll()).code).toBe('VALID');
      await db.tx((tx) => updateKey(tx, key.id, { revokedAt: toIso(SEED_NOW) }));
      expect((await poll()).code).toBe('KEY_REVOKED');
    });
  });

  describe('names of sites', () => {
    it.each([
      ['edd-substring-tld: a name that only ends alike is another site', 'notexample.com'],
      ['edd-substring-tld: a reserved word inside a label frees nothing', 'my.developer-site.com'],
      ['edd-dev-tld-free: the top-level domain .dev counts', 'example.dev'],
    ])('%s', async (_, siteText) => {
      const { poll } = await scene();
      expect((await poll()).code).toBe('VALID');
      expect((await poll({ siteText })).code).toBe('SITE_LIMIT');
    });
  });
});
