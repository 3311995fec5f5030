import { describe, expect, it } from 'vitest';
import { onEachDatabase } from '../../test/support/databases.ts';
import { SEED_NOW, seedSecrets, seedShop, seedSoldLicense } from '../../test/support/seed.ts';
import type { Platform } from '../releases/release.ts';
import { type Credentials, type GateDeps, makeGate, siteClaim } from './gate.ts';
import { makeLookup } from './lookup.ts';
import type { Entry } from './record.ts';

const HASH = 'ab'.repeat(32);
const NOTHING: Credentials = { keyText: null, siteText: null, instanceText: null, platform: null };

describe('the site that a client names', () => {
  const joomla = { platform: 'joomla' as Platform };
  const dolibarr = { platform: 'dolibarr' as Platform };

  it.each<[string, Partial<Credentials>, object | null]>([
    ['none', {}, null],
    [
      'an address',
      { siteText: 'https://www.Shop.Example.com:8443/joomla/' },
      { host: 'shop.example.com', registrable: 'example.com', exempt: null, instance: null, byInstance: false },
    ],
    ['Joomla’s command line', { ...joomla, siteText: 'https://joomla.invalid/' }, null],
    ['no host at all', { siteText: 'not a host' }, null],
    [
      'a staging host',
      { siteText: 'dev.example.com' },
      { host: 'dev.example.com', exempt: 'staging', exemptBeside: 'example.com' },
    ],
    ['this very machine', { siteText: '127.0.0.1' }, { host: '127.0.0.1', exempt: 'loopback', exemptBeside: null }],
    [
      'Joomla with an instance: the host is the slot',
      { ...joomla, siteText: 'example.com', instanceText: HASH },
      { host: 'example.com', instance: HASH, byInstance: false },
    ],
    [
      'Dolibarr with an instance: the instance is the slot',
      { ...dolibarr, siteText: 'example.com', instanceText: HASH },
      { host: 'example.com', instance: HASH, byInstance: true },
    ],
    [
      'Dolibarr without one: the host',
      { ...dolibarr, siteText: 'example.com' },
      { host: 'example.com', instance: null, byInstance: false },
    ],
    ['an instance alone', { instanceText: HASH }, { host: '', instance: HASH, byInstance: true }],
    [
      'an instance beside Joomla’s command line',
      { ...joomla, siteText: 'joomla.invalid', instanceText: HASH },
      { host: '', instance: HASH, byInstance: true },
    ],
    [
      'an instance in capitals and blanks',
      { ...dolibarr, siteText: 'example.com', instanceText: ` ${HASH.toUpperCase()} ` },
      { instance: HASH },
    ],
    [
      'what is no hash',
      { ...dolibarr, siteText: 'example.com', instanceText: 'my shop' },
      { instance: null, byInstance: false },
    ],
    ['a hash that is too short', { instanceText: 'ab12' }, null],
  ])('%s', (_, wish, expected) => {
    const claim = siteClaim({ ...NOTHING, ...wish });
    if (expected === null) expect(claim).toBeNull();
    else expect(claim).toMatchObject(expected);
  });
});

onEachDatabase('the gate', (database) => {
  function gate(change: Partial<GateDeps> = {}) {
    const entries: Entry[] = [];
    const record = async (entry: Entry) => {
      entries.push(entry);
      return entry.verdict;
    };
    const deps = {
      clock: () => SEED_NOW,
      secrets: seedSecrets,
      keyPrefixes: () => ['FG1'],
      lookup: makeLookup(database().db),
      record,
    };
    return { ...makeGate({ ...deps, ...change }), entries };
  }

  it.each<[string, (key: string) => string | null, string]>([
    ['as it is', (key) => key, 'VALID'],
    [
      'in small letters, with blanks and without dashes',
      (key) => ` ${key.toLowerCase().replaceAll('-', ' ')} `,
      'VALID',
    ],
    ['none', () => null, 'NOT_FOUND'],
    ['empty', () => '  ', 'NOT_FOUND'],
    ['with a typing error', (key) => `${key.slice(0, -1)}${key.endsWith('0') ? '1' : '0'}`, 'KEY_MALFORMED'],
    ['of somebody else’s making', () => 'OTHER-1234', 'NOT_FOUND'],
    ['far too long', () => 'x'.repeat(600), 'NOT_FOUND'],
  ])('reads a key %s', async (_, typed, code) => {
    const { db } = database();
    const shop = await seedShop(db);
    const { key } = await seedSoldLicense(db, shop);
    const asked = await gate().ask('feed', [shop.path], { ...NOTHING, keyText: typed(key.text) });
    expect(asked?.verdict.code).toBe(code);
  });

  it('looks up no key that cannot be one', async () => {
    const { db } = database();
    const shop = await seedShop(db);
    const hashes: (string | null)[] = [];
    const lookup = makeLookup(db);
    const spied: GateDeps['lookup'] = (request) => {
      hashes.push(request.keyHash);
      return lookup(request);
    };
    for (const keyText of [null, ' ', 'FG1-BROKEN', 'x'.repeat(600)])
      await gate({ lookup: spied }).ask('feed', [shop.path], { ...NOTHING, keyText });
    expect(hashes).toEqual([null, null, null, null]);
  });

  it('knows no product at an address that leads nowhere', async () => {
    expect(await gate().ask('feed', ['no/such'], NOTHING)).toBeNull();
  });

  it('writes key and license of a key that is the product’s, also when it is refused, and of no other', async () => {
    const { db } = database();
    const [shop, other] = [await seedShop(db), await seedShop(db)];
    const { key, license } = await seedSoldLicense(db, shop, { terms: { sites: 0 } });
    const { ask, record, entries } = gate();
    for (const path of [shop.path, other.path]) {
      const asked = await ask('download', [path], {
        ...NOTHING,
        keyText: key.text,
        siteText: 'https://www.example.com',
      });
      if (asked)
        await record(asked, {
          kind: 'download',
          platformVersion: `joomla/${'5'.repeat(99)}`,
          extensionVersion: null,
          code: asked.verdict.code,
        });
    }
    const site = 'example.com';
    expect(entries.map(({ usage, code }) => ({ ...usage, code }))).toMatchObject([
      {
        key_id: key.id,
        license_id: license.id,
        site,
        kind: 'download',
        code: 'SITE_LIMIT',
        product_id: shop.product.id,
      },
      { key_id: '', license_id: '', site, kind: 'download', code: 'NOT_FOUND', product_id: other.product.id },
    ]);
    for (const { usage } of entries) expect(usage.platform_version).toHaveLength(40);
    expect(JSON.stringify(entries)).not.toContain(key.text);
  });

  it('names a site in usage as its slot is named: by its host, or by its instance', async () => {
    const { db } = database();
    const shop = await seedShop(db);
    const { ask, record, entries } = gate();
    for (const platform of ['joomla', 'dolibarr'] as const) {
      const asked = await ask('feed', [shop.path], {
        ...NOTHING,
        platform,
        siteText: 'example.com',
        instanceText: HASH,
      });
      if (asked)
        await record(asked, {
          kind: 'updates.xml',
          platformVersion: '',
          extensionVersion: null,
          code: asked.verdict.code,
        });
    }
    expect(entries.map(({ usage }) => usage.site)).toEqual(['example.com', `instance:${HASH}`]);
  });
});
