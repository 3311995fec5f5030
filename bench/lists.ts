import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { migrations } from '../migrations/index.ts';
import { listCustomers } from '../src/accounts/customers.ts';
import { connectSqlite, type Db } from '../src/db/connect.ts';
import { migrate } from '../src/db/migrate.ts';
import { domainPattern } from '../src/licensing/domain-pattern.ts';
import { exportKeys } from '../src/licensing/exports.ts';
import { keysAt } from '../src/licensing/level-keys.ts';
import type { KeySort, LicenseFilter } from '../src/licensing/license-filter.ts';
import { listLicenses } from '../src/licensing/licenses.ts';
import { settleStandings } from '../src/licensing/standings.ts';
import { seedPackage, seedSecrets, seedShop } from '../test/support/seed.ts';
import { on } from '../test/support/seed-ledger.ts';

/** What each list costs over many keys on SQLite: a first page and one in the middle, 50 rows with their count. ms, the middle of three. `--file` names a database to keep. */
const { values } = parseArgs({ options: { keys: { type: 'string', default: '1000000' }, file: { type: 'string' } } });
const KEYS = Number(values.keys);
const NOW = on('2026-11-01');
const day = (n: string) => `strftime('%Y-%m-%dT00:00:00.000Z', '2023-11-01', '+' || (${n}) || ' days')`;

/** Rows 0, 1, 2, …; `i` names them. Prime steps scatter what would else be in one order. */
const rows = (count: number) =>
  `with recursive n(i) as (select 0 union all select i + 1 from n where i < ${count - 1})`;
const id = (kind: string, n = 'i') => `printf('${kind}_%026d', ${n})`;

async function fill(db: Db): Promise<{ organizationId: string; packageId: string; productId: string }> {
  const { organization, product } = await seedShop(db);
  const packages = [
    await seedPackage(db, organization),
    await seedPackage(db, organization),
    await seedPackage(db, organization),
  ];
  const org = `'${organization.id}'`;
  const pick = `case when i % 1000 = 7 then '${packages[2]?.id}' when i % 3 = 0 then '${packages[1]?.id}' else '${packages[0]?.id}' end`;
  const created = day(`i * 1095 / ${KEYS}`);
  const end = day(`i * 1095 / ${KEYS} + 365`);
  const name = `(select json_extract('["anna","bert","cora","dirk","elsa","finn","gina","hans"]', '$[' || (i * 7 % 8) || ']')) || ' name' || (i * 7919 % 50000)`;
  const state = `case when i % 10 = 0 then 'active' when i * 1095 / ${KEYS} + 365 > 1096 then 'active' when i * 1095 / ${KEYS} + 372 > 1096 then 'grace' else 'expired' end`;
  await db.tx(async (tx) => {
    await tx.raw(`${rows(KEYS)} insert into customers (id, organization_id, name, sort_name, email, email_base, kind, created_at, created_by)
      select ${id('cus')}, ${org}, ${name}, ${name}, 'u' || i || '@d' || (i % 5000) || '.example', 'u' || i || '@d' || (i % 5000) || '.example', 'customer', ${created}, 'bench' from n`);
    await tx.raw(
      `insert into customer_words select substr(name, 1, 4), id from customers union select substr(name, 6), id from customers union select email, id from customers`,
    );
    await tx.raw(`${rows(KEYS)} insert into licenses (id, organization_id, customer_id, master, valid_until, counted_sites, exempt_sites, notes, revision, state, state_until, sites_allowed, suspended_at, revoked_at, created_at, created_by)
      select ${id('lic')}, ${org}, ${id('cus')}, 0, case when i % 10 = 0 then null else ${end} end, case when i % 5000 = 3 then 2 else 1 end, 0, '', 1, ${state}, null, 1,
        case when i % 2000 = 5 then ${created} end, case when i % 1000 = 9 then ${created} end, ${created}, 'bench' from n`);
    await tx.raw(`${rows(KEYS)} insert into grants (id, organization_id, license_id, package_id, package_version, source, given_at, length_value, length_unit, quantity, line, supersedes, created_at, created_by)
      select ${id('grt')}, ${org}, ${id('lic')}, ${pick}, 1, 'purchase', ${created}, case when i % 10 = 0 then null else 365 end, case when i % 10 = 0 then null else 'day' end, 1, '1', '[]', ${created}, 'bench' from n`);
    await tx.raw(`${rows(KEYS)} insert into license_keys (id, license_id, organization_id, state, role, label, hash, hint, purpose, last_used_at, created_at, created_by)
      select ${id('key')}, ${id('lic')}, ${org}, ${state}, 'normal', '', 'h' || i, 'FG1…' || (i % 60000), case when i % 5000 = 1 then 'test' else 'commercial' end,
        case when i % 5 = 0 then null else ${day(`1095 - i * 31 % 365`)} end, ${created}, 'bench' from n`);
    await tx.raw(`${rows(Math.floor(KEYS / 2))} insert into activations (id, license_id, organization_id, key_id, kind, identity, host, host_reversed, counted, first_seen_at, last_seen_at)
      select ${id('act')}, ${id('lic', 'i * 2')}, ${org}, null, 'site', 'www' || i || '.d' || (i % 5000) || '.example', 'www' || i || '.d' || (i % 5000) || '.example', printf('elpmaxe.%dd.%dwww', i % 5000, i), 1, ${created}, ${created} from n`);
  });
  return { organizationId: organization.id, packageId: packages[2]?.id ?? '', productId: product.id };
}

/** What an earlier run has filled. */
async function known(db: Db): ReturnType<typeof fill> extends Promise<infer T> ? Promise<T | null> : never {
  return db.read(async (tx) => {
    const key = await tx('license_keys').first('organization_id');
    if (!key) return null;
    const packages: string[] = await tx('packages').orderBy('id').pluck('id');
    const product = await tx('products').first('id');
    return { organizationId: key.organization_id, packageId: packages[2] ?? '', productId: product.id };
  });
}

async function timed(work: () => Promise<unknown>): Promise<string> {
  const times: number[] = [];
  for (let i = 0; i < 3; i++) {
    const began = performance.now();
    await work();
    times.push(performance.now() - began);
  }
  return (times.sort((a, b) => a - b)[1] as number).toFixed(1).padStart(9);
}

const folder = mkdtempSync(join(tmpdir(), 'feedgate-bench-'));
const db = connectSqlite(values.file ?? join(folder, 'feedgate.db'));
const say = (text: string) => void process.stdout.write(`${text}\n`);
try {
  await migrate(db, migrations, new Date(NOW).toISOString());
  const began = performance.now();
  const { organizationId, packageId, productId } = (await known(db)) ?? (await fill(db));
  say(
    `${KEYS} keys on SQLite, filled in ${((performance.now() - began) / 1_000).toFixed(0)} s; ms for a page of 50 with its count`,
  );
  await settleStandings(db, NOW);
  const middle: Record<string, (string | null)[]> = {
    created: ['2025-05-01T00:00:00.000Z', 'z'],
    valid_until: ['2026-05-01T00:00:00.000Z', 'z'],
    customer: ['dirk', 'z'],
    last_used: ['2026-05-01T00:00:00.000Z', 'z'],
  };
  const filters: [string, Omit<LicenseFilter, 'organizationId'>][] = [
    ['all', {}],
    ['active', { status: 'active' }],
    ['grace', { status: 'grace' }],
    ['expiring', { status: 'expiring' }],
    ['expired', { status: 'expired' }],
    ['suspended', { status: 'suspended' }],
    ['revoked', { status: 'revoked' }],
    ['canceled (none)', { status: 'canceled' }],
    ['hint', { hint: 'FG1…777' }],
    ['hash of a key', { keyHash: 'h777777' }],
    ['e-mail', { email: 'u4242@d4242.example' }],
    ['e-mail begins u12', { emailPrefix: 'u12' }],
    ['customer "anna"', { words: ['anna'] }],
    ['customer "anna name77"', { words: ['anna', 'name77'] }],
    ['customer "nobody"', { words: ['nobody'] }],
    ['domain', { domain: domainPattern('www77.d77.example') }],
    ['below a domain', { domain: domainPattern('*.d77.example') }],
    ['rare package', { packageId }],
    ['product', { productId }],
    ['never used', { neverUsed: true }],
    ['test keys', { purpose: 'test' }],
    ['over the limit', { overLimit: true }],
    ['ends before December', { expiringBefore: '2026-12-01T00:00:00.000Z' }],
    ['made in a week', { createdFrom: '2025-03-01T00:00:00.000Z', createdBefore: '2025-03-08T00:00:00.000Z' }],
    ['active, never used', { status: 'active', neverUsed: true }],
    ['expired, "anna"', { status: 'expired', words: ['anna'] }],
    ['revoked, "gina"', { status: 'revoked', words: ['gina'] }],
  ];
  const sorts = [
    'created',
    '-created',
    'valid_until',
    '-valid_until',
    'customer',
    '-customer',
    'last_used',
    '-last_used',
  ] as const;
  say(
    `keys${' '.repeat(21)}${sorts.map((sort) => sort.padStart(12)).join(' ')}   middle: created valid_until customer last_used`,
  );
  for (const [name, filter] of filters) {
    const page = (sort: KeySort, after: (string | null)[] | null) =>
      timed(() => keysAt(db, { ...filter, organizationId }, { sort, limit: 50, after, now: NOW }));
    const firsts: string[] = [];
    for (const sort of sorts) firsts.push((await page(sort, null)).padStart(12));
    const deep: string[] = [];
    for (const [sort, place] of Object.entries(middle)) {
      const ids = sort === 'customer' ? ['z', 'z'] : sort === 'valid_until' ? ['z'] : [];
      deep.push(await page(sort as KeySort, [...place, ...ids]));
    }
    say(`${name.padEnd(25)}${firsts.join(' ')}   ${deep.join(' ')}`);
  }
  say('licenses');
  for (const [name, filter] of filters.filter(([each]) =>
    /^(all|active|grace|revoked|never used|rare package)$/.test(each),
  )) {
    const times: string[] = [];
    for (const sort of ['created', '-created', 'valid_until', '-customer'] as const)
      times.push(
        await timed(() => listLicenses(db, { ...filter, organizationId }, { sort, limit: 50, after: null, now: NOW })),
      );
    say(`${name.padEnd(25)}${times.join(' ')}`);
  }
  say('customers');
  for (const [name, filter] of [
    ['all', {}],
    ['"anna"', { words: ['anna'] }],
    ['e-mail begins u12', { emailPrefix: 'u12' }],
    ['resellers (none)', { kind: 'reseller' as const }],
  ] as const) {
    const times: string[] = [];
    for (const sort of ['created', '-created', 'name', '-email'] as const)
      times.push(
        await timed(() =>
          listCustomers(db, { ...filter, organizationId }, { sort, limit: 50, after: null, fingerprint: '' }),
        ),
      );
    say(`${name.padEnd(25)}${times.join(' ')}`);
  }
  const by = { actor: (await import('../src/accounts/actor.ts')).CLI_ACTOR, requestId: null, now: NOW };
  let exported = 0;
  const start = performance.now();
  for await (const batch of await exportKeys(
    { db, secrets: seedSecrets },
    { organizationId, createdBefore: '2023-12-01T00:00:00.000Z' },
    false,
    by,
  ))
    exported += batch.length;
  say(`export: ${Math.round((exported / (performance.now() - start)) * 1_000)} keys a second`);
} finally {
  await db.close();
  rmSync(folder, { recursive: true, force: true });
}
