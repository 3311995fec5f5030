import { expect, it } from 'vitest';
import { onEachDatabase } from '../../test/support/databases.ts';
import { SEED_NOW, seedLicense, seedShop, seedSite } from '../../test/support/seed.ts';
import { DAY, toIso } from '../clock.ts';
import {
  countActivation,
  findActivation,
  moveActivation,
  releaseActivation,
  slotsSeen,
  touchActivations,
} from './store-activations.ts';
import { findLicense } from './store-licenses.ts';
import { pageOfSites } from './store-sites.ts';

const NOW = toIso(SEED_NOW);
const LATER = toIso(SEED_NOW + DAY);
const HASH = 'a'.repeat(64);

onEachDatabase('the store of slots', (database) => {
  async function scene() {
    const { db } = database();
    const { organization } = await seedShop(db);
    const license = await seedLicense(db, organization);
    const counters = async () => {
      const row = await db.read((tx) => findLicense(tx, license.id));
      return [row?.countedSites, row?.exemptSites];
    };
    const find = (id: string) => db.read((tx) => findActivation(tx, id));
    return { db, license, counters, find };
  }

  it('counts what counts and what does not, each by itself', async () => {
    const { db, license, counters, find } = await scene();
    const counted = await seedSite(db, license, 'a.example.com');
    const exempt = await seedSite(db, license, 'localhost', { counted: false, exemptReason: 'loopback' });
    expect(await counters()).toEqual([1, 1]);
    expect(await find(counted.id)).toMatchObject(counted);
    expect(await find(exempt.id)).toMatchObject({ ...exempt, covers: 'host', overLimit: false, besideId: null });
    expect(await find('act_none')).toBeNull();
  });

  it('has one open slot of a license and identity', async () => {
    const { db, license, counters } = await scene();
    await seedSite(db, license, 'a.example.com');
    await expect(seedSite(db, license, 'a.example.com')).rejects.toThrow();
    expect(await counters()).toEqual([1, 0]);
  });

  it('releases once, and the same site may take a new slot', async () => {
    const { db, license, counters, find } = await scene();
    const slot = await seedSite(db, license, 'a.example.com');
    const release = () => db.tx((tx) => releaseActivation(tx, slot.id, 'api', LATER));
    expect(await release()).toBe(true);
    expect(await release()).toBe(false);
    expect(await counters()).toEqual([0, 0]);
    expect(await find(slot.id)).toMatchObject({ releasedAt: LATER, releasedBy: 'api' });
    const again = await seedSite(db, license, 'a.example.com');
    expect(again.id).not.toBe(slot.id);
    expect(await counters()).toEqual([1, 0]);
  });

  it('counts a release once, though two ask at once', async () => {
    const { db, license, counters } = await scene();
    const other = database().another();
    for (const counted of [true, false]) {
      const slot = await seedSite(db, license, `${counted}.example.com`, { counted });
      const both = await Promise.all(
        [db, other].map((each) => each.tx((tx) => releaseActivation(tx, slot.id, 'api', LATER))),
      );
      expect(both.sort()).toEqual([false, true]);
      expect(await counters()).toEqual([0, 0]);
    }
  });

  it('makes an exempt slot count, once', async () => {
    const { db, license, counters, find } = await scene();
    const slot = await seedSite(db, license, 'copy.example.com', { counted: false, exemptReason: 'copy' });
    for (let i = 0; i < 2; i++) await db.tx((tx) => countActivation(tx, slot.id, license.id));
    expect(await counters()).toEqual([1, 0]);
    expect(await find(slot.id)).toMatchObject({ counted: true, exemptReason: null });
  });

  it('moves a slot to a new host and leaves the rest as it was', async () => {
    const { db, license, counters, find } = await scene();
    const slot = await seedSite(db, license, 'old.example.com', { instance: HASH });
    await db.tx((tx) => moveActivation(tx, slot.id, 'new.example.org', 'new.example.org', LATER));
    const moved = { identity: 'new.example.org', host: 'new.example.org', lastSeenAt: LATER };
    expect(await find(slot.id)).toMatchObject({ ...slot, ...moved });
    expect(await counters()).toEqual([1, 0]);
  });

  it('frees what was declared a staging host of it, and what else was free stays', async () => {
    const { db, license, counters, find } = await scene();
    const slot = await seedSite(db, license, 'example.com');
    const free = { counted: false, besideId: slot.id };
    const declared = await seedSite(db, license, 'neu.example.com', { ...free, exemptReason: 'declared' });
    const copy = await seedSite(db, license, 'copy.example.com', { ...free, exemptReason: 'copy' });
    expect(await counters()).toEqual([1, 2]);
    await db.tx((tx) => releaseActivation(tx, slot.id, 'api', LATER, 'takeover'));
    expect(await counters()).toEqual([0, 1]);
    expect(await find(slot.id)).toMatchObject({ releasedAt: LATER, releasedBy: 'api', releaseReason: 'takeover' });
    expect(await find(declared.id)).toMatchObject({ releasedAt: LATER, releaseReason: 'beside' });
    expect(await find(copy.id)).toMatchObject({ releasedAt: null, besideId: slot.id });
  });

  it('pages through what is held', async () => {
    const { db, license } = await scene();
    const slots: string[] = [];
    for (let i = 0; i < 5; i++) slots.push((await seedSite(db, license, `s${i}.example.com`)).id);
    await db.tx((tx) => releaseActivation(tx, slots[2] ?? '', 'api', NOW));
    const held = slots.toSpliced(2, 1);
    const page = async (after: string | null) =>
      (await db.read((tx) => pageOfSites(tx, { licenseId: license.id, state: 'active' }, after, 3))).map(
        ({ id }) => id,
      );
    expect(await page(null)).toEqual(held.slice(0, 3));
    expect(await page(held[2] ?? '')).toEqual(held.slice(3));
  });

  it.each([
    ['its host', 'a.example.com', true],
    ['the host that claimed the slot of a domain', 'shop.example.org', true],
    ['its instance, where that is the slot', `instance:${HASH}`, true],
    ['another host of its domain', 'blog.example.org', true],
    ['a host below its wildcard', 'deep.shop.example.net', true],
    ['another host', 'b.example.com', false],
    ['the domain of a slot that is one host of it', 'example.com', false],
  ])('a slot is seen by %s, and never earlier than before', async (_, site, isSeen) => {
    const { db, license, find } = await scene();
    const slots = [
      await seedSite(db, license, 'a.example.com'),
      await seedSite(db, license, 'shop.example.org', { identity: 'example.org', covers: 'domain' }),
      await seedSite(db, license, '*.example.net', { covers: 'wildcard' }),
      await seedSite(db, license, '', { identity: `instance:${HASH}`, instance: HASH }),
    ];
    const other = await seedLicense(db, { id: license.organizationId });
    const foreign = await seedSite(db, other, site);
    for (const at of [LATER, NOW])
      await db.tx(async (tx) => touchActivations(tx, await slotsSeen(tx, [{ licenseId: license.id, site, at }])));
    const seen = [];
    for (const { id } of slots) seen.push((await find(id))?.lastSeenAt === LATER);
    expect(seen.filter(Boolean)).toHaveLength(isSeen ? 1 : 0);
    expect((await find(foreign.id))?.lastSeenAt).toBe(NOW);
  });

  it('a Joomla site is seen by its instance too, where its command line names no host', async () => {
    const { db, license, find } = await scene();
    const slot = await seedSite(db, license, 'a.example.com', { instance: HASH });
    await db.tx(async (tx) =>
      touchActivations(tx, await slotsSeen(tx, [{ licenseId: license.id, site: `instance:${HASH}`, at: LATER }])),
    );
    expect((await find(slot.id))?.lastSeenAt).toBe(LATER);
  });
});
