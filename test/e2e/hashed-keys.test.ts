import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { CLI_ACTOR } from '../../src/accounts/actor.ts';
import { createKey, keyText } from '../../src/licensing/keys.ts';
import { showKey } from '../../src/licensing/level-keys.ts';
import { newKeyText } from '../../src/licensing/license-key.ts';
import { findKey, type KeyRecord } from '../../src/licensing/store-keys.ts';
import { productPath } from '../../src/releases/product.ts';
import { seedForge, seedOrganization, seedProduct, seedSoldLicense } from '../support/seed.ts';
import { ask, onEachServer, seedRelease } from '../support/served.ts';

onEachServer('a key of which only the SHA-256 was brought in', (served) => {
  async function hashed(text: string) {
    const { core } = served();
    const organization = await seedOrganization(core.db, await seedForge(core.db));
    const product = await seedProduct(core.db, organization, null);
    await seedRelease(core, product, { version: '1.0.0' });
    const { license } = await seedSoldLicense(core.db, { organization });
    const sha256 = createHash('sha256').update(text).digest('hex');
    const wish = { licenseId: license.id, role: 'normal' as const, prefix: 'FG1', sha256 };
    const by = { actor: CLI_ACTOR, requestId: null, now: core.clock() };
    const key = await core.db.tx((tx) => createKey(tx, core.secrets, wish, by));
    return { key, at: `/${productPath(product)}`, by };
  }
  const now = async ({ id }: KeyRecord) => (await served().core.db.read((tx) => findKey(tx, id))) as KeyRecord;

  it.each(['MOKO-AAAA-BBBB-CCCC-DDDD', newKeyText('FG1')])(
    'is copyable from its first use on, and the same key: %#',
    async (text) => {
      const { core } = served();
      const { key, at, by } = await hashed(text);
      await expect(showKey(core.db, core.secrets, key.id, by)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      expect((await ask(served(), `${at}/updates.xml?dlid=${text}`)).code).toBe('VALID');
      const after = await now(key);
      expect([keyText(core.secrets, after), after.hash]).toEqual([text, key.hash]);
      expect(after.hint).toMatch(new RegExp(`${text.slice(-4)}$`));
      expect((await ask(served(), `${at}/updates.xml?dlid=${text}`)).code).toBe('VALID');
      expect((await now(key)).sealed).toBe(after.sealed);
    },
  );

  it('is sealed once by many polls at once, and by a download', async () => {
    const { core } = served();
    const { key, at } = await hashed('shop-key-of-before');
    const paths = ['updates.xml', 'download/latest', 'updates.xml', 'updates.xml'];
    await Promise.all(paths.map((path) => ask(served(), `${at}/${path}?dlid=shop-key-of-before`)));
    expect(keyText(core.secrets, await now(key))).toBe('shop-key-of-before');
  });

  it('stays unknown by a poll with another text', async () => {
    const { key, at } = await hashed('right');
    expect((await ask(served(), `${at}/updates.xml?dlid=wrong`)).code).toBe('NOT_FOUND');
    expect((await now(key)).sealed).toBe(null);
  });
});
