import { createServer } from 'node:http';
import { type Core, openCore, serve } from '../src/app.ts';
import { makeLogger } from '../src/http/log.ts';
import { newId } from '../src/ids.ts';
import { keyHint, newKeyText } from '../src/licensing/license-key.ts';
import { insertKey } from '../src/licensing/store-keys.ts';
import { insertGrant, insertLicense } from '../src/licensing/store-licenses.ts';
import { productPath } from '../src/releases/product.ts';
import {
  seedCustomer,
  seedForge,
  seedLicense,
  seedOrganization,
  seedPackage,
  seedProduct,
  seedSecrets,
} from '../test/support/seed.ts';
import { configOn, freePort, seedRelease } from '../test/support/served.ts';

/** One of the two servers that bench/poll.ts compares: `bare`, or `gated` with its data folder and number of keys. */
const [kind, folder = '', count = '0'] = process.argv.slice(2);

if (kind === 'bare') await startBare();
else await startGated(folder, Number(count));

// Asked over the channel: the CPU time of this process so far, in microseconds.
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ cpu: user + system });
});
process.on('disconnect', () => process.exit());

async function startBare(): Promise<void> {
  const body = Buffer.alloc(4_253, 'x');
  const port = await freePort();
  const server = createServer((_req, res) => {
    res.writeHead(200, { 'content-type': 'application/xml; charset=utf-8', 'content-length': body.length });
    res.end(body);
  });
  server.listen(port, '127.0.0.1', () => process.send?.({ port, path: '/', keys: [] }));
}

async function startGated(dataDir: string, keyCount: number): Promise<void> {
  const port = await freePort();
  const config = configOn({ databaseUrl: null, dataDir }, port);
  const core = await openCore(config, { log: makeLogger({ level: 'warn' }) });
  const { path, keys } = await seed(core, keyCount);
  await serve(core);
  process.send?.({ port, path, keys });
}

/** A strict product with four releases, and licenses of one package with a key each. */
async function seed(core: Core, keyCount: number): Promise<{ path: string; keys: string[] }> {
  const { db } = core;
  const organization = await seedOrganization(db, await seedForge(db));
  const product = await seedProduct(db, organization, null);
  for (const version of ['1.0.0', '1.1.0', '1.2.0', '1.3.0']) await seedRelease(core, product, { version });
  const customer = await seedCustomer(db, organization);
  const sold = await seedPackage(db, organization, { terms: { length: null, sites: null } });
  const model = await seedLicense(db, organization, { customerId: customer.id });
  const at = model.createdAt;
  const keys = Array.from({ length: keyCount }, () => newKeyText('FG1'));
  await db.tx(async (tx) => {
    for (const text of keys) {
      const license = { ...model, id: newId('license') };
      await insertLicense(tx, license, 'bench');
      await insertGrant(tx, {
        id: newId('grant'),
        organizationId: organization.id,
        licenseId: license.id,
        packageId: sold.id,
        packageVersion: 1,
        source: 'purchase',
        givenAt: at,
        lengthValue: null,
        lengthUnit: null,
        endsAt: null,
        quantity: 1,
        paymentRef: null,
        line: '1',
        requestToken: null,
        requestKey: null,
        supersedes: [],
        firstUsedAt: null,
        createdAt: at,
        createdBy: 'bench',
      });
      const id = newId('key');
      const hash = seedSecrets.lookupHash(text);
      const state = {
        domains: null,
        purpose: 'commercial' as const,
        siteLimit: null,
        endsAt: null,
        replacedBy: null,
        batchId: null,
        suspendedAt: null,
        revokedAt: null,
        revokeReason: null,
        lastUsedAt: null,
        createdAt: at,
      };
      const key = { id, licenseId: license.id, role: 'normal' as const, label: '', hash, hint: keyHint(text) };
      await insertKey(tx, { ...key, ...state, sealed: '' }, 'bench');
    }
  });
  return { path: `/${productPath(product)}/updates.xml`, keys };
}
