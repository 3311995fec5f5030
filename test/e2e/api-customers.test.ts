import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ApiServer, startApi } from '../support/api-server.ts';
import { onEachDatabase } from '../support/databases.ts';
import { type Shop, seedCustomer, seedLicense, seedPackage, seedShop } from '../support/seed.ts';

onEachDatabase('customers', (database) => {
  let api: ApiServer;
  let shop: Shop;
  let stranger: string;
  let base: string;
  beforeAll(async () => {
    api = await startApi(database());
    shop = await seedShop(database().db);
    const other = await seedShop(database().db);
    stranger = (await seedCustomer(database().db, other.organization)).id;
    base = `/organizations/${shop.organization.slug}`;
  });
  afterAll(() => api.close());

  const create = async (body: object) => (await api.post(`${base}/customers`, body)).json;
  const idsOf = ({ json }: { json: { items: { id: string }[] } }) => json.items.map(({ id }) => id);

  it('are written down, changed and found by what is known of them', async () => {
    const made = await api.post(`${base}/customers`, {
      ...{
        name: ' Ada Lovelace ',
        email: 'Ada@Analytical.example',
        kind: 'reseller',
        organization_name: 'Engines Ltd',
      },
      ...{ external_customer_id: 'crm-1', external_workspace_id: 'ws-1', notes: 'wants invoices', language: 'en-GB' },
    });
    expect(made.status).toBe(201);
    expect(made.json).toMatchObject({
      ...{ name: 'Ada Lovelace', email: 'ada@analytical.example', kind: 'reseller', organization_name: 'Engines Ltd' },
      ...{ external_customer_id: 'crm-1', external_workspace_id: 'ws-1', notes: 'wants invoices', language: 'en-GB' },
      ...{ licenses: 0, merged_ids: [], anonymized_at: null },
    });
    const { id } = made.json;
    const plain = await create({ name: 'Nobody in particular' });
    expect(plain).toMatchObject({ email: '', kind: 'customer', external_customer_id: null, language: '' });
    const queries = [
      ...[
        'q=love',
        'q=LOVELACE+ada',
        'q=engines',
        'q=analytical.ex',
        'email=ADA@analytical.example',
        'email_prefix=ada@',
      ],
      ...[
        'kind=reseller',
        'external_customer_id=crm-1',
        'external_workspace_id=ws-1',
        'q=ada&kind=reseller&sort=-name',
      ],
    ];
    for (const query of queries)
      expect([query, idsOf(await api.get(`${base}/customers?${query}`))]).toEqual([query, [id]]);
    for (const query of ['q=%25', 'q=_', 'q=', 'q=nobody+love', 'kind=prospect', 'external_customer_id=CRM-1'])
      expect([query, idsOf(await api.get(`${base}/customers?${query}`))]).toEqual([query, []]);
    const changed = await api.patch(`/customers/${id}`, { email: '', name: 'Ada K.', external_workspace_id: null });
    expect(changed.json).toMatchObject({ email: '', name: 'Ada K.', external_workspace_id: null, kind: 'reseller' });
    expect(idsOf(await api.get(`${base}/customers?q=lovelace`))).toEqual([]);
    expect((await api.get(`/customers/${id}`)).json).toEqual(changed.json);
  });

  it('have an external id of their own, and may share a workspace and an address', async () => {
    const one = await create({
      name: 'One',
      external_customer_id: 'x-1',
      external_workspace_id: 'w',
      email: 's@example.com',
    });
    const two = await create({ name: 'Two', external_workspace_id: 'w', email: 's@example.com' });
    expect(idsOf(await api.get(`${base}/customers?external_workspace_id=w`))).toEqual([one.id, two.id]);
    const taken = await api.patch(`/customers/${two.id}`, { external_customer_id: 'x-1' });
    expect([taken.status, taken.json.code, taken.json.errors[0].pointer]).toEqual([
      409,
      'ALREADY_EXISTS',
      '/external_customer_id',
    ]);
    const sold = await seedPackage(database().db, shop.organization);
    const sale = await api.post(`${base}/license-keys`, {
      package_id: sold.id,
      customer_name: 'S',
      customer_email: 'S@example.com',
    });
    expect(sale.json.license.customer.id).toBe(one.id);
  });

  it('are refused with what is wrong', async () => {
    const wrong = [
      [{}, '/name'],
      [{ name: 'A', email: 'nobody' }, '/email'],
      [{ name: 'A', kind: 'king' }, '/kind'],
      [{ name: 'A', language: 'english language' }, '/language'],
      [{ name: 'A', notes: 'x'.repeat(10_001) }, '/notes'],
      [{ name: 'A', mail: 'a@b' }, '/mail'],
    ] as const;
    for (const [body, pointer] of wrong) {
      const { status, json } = await api.post(`${base}/customers`, body);
      expect([pointer, status, json.errors.map((error: { pointer: string }) => error.pointer)]).toEqual([
        pointer,
        400,
        [pointer],
      ]);
    }
    expect((await api.get(`${base}/customers?sort=color`)).status).toBe(400);
    const mine = api.as(await api.token({ organizationId: shop.organization.id }));
    for (const call of [mine.get(`/customers/${stranger}`), mine.patch(`/customers/${stranger}`, { name: 'x' })])
      expect((await call).status).toBe(404);
  });

  it('are told in stable pages, whose cursors fit no other list', async () => {
    const made: string[] = [];
    for (let i = 0; i < 7; i++) made.push((await create({ name: `Page ${i % 2}`, kind: 'prospect' })).id);
    const seen: string[] = [];
    let next: string | null = '';
    let first = '';
    while (next !== null) {
      const page = await api.get(`${base}/customers?kind=prospect&sort=name&limit=3${next && `&cursor=${next}`}`);
      seen.push(...idsOf(page));
      expect(page.json.total).toBe(7);
      next = page.json.next_cursor;
      first ||= next ?? '';
    }
    expect(seen).toEqual([...made.filter((_, i) => i % 2 === 0), ...made.filter((_, i) => i % 2 === 1)]);
    for (const query of [`kind=customer&sort=name`, 'kind=prospect&sort=-name', 'kind=prospect']) {
      const { status, json } = await api.get(`${base}/customers?${query}&cursor=${first}`);
      expect([status, json.code, json.errors[0].pointer]).toEqual([400, 'INVALID_REQUEST', '/query/cursor']);
    }
    for (const cursor of [
      '%%',
      'x',
      Buffer.from('["a"]').toString('base64url'),
      Buffer.from('{}').toString('base64url'),
    ])
      expect((await api.get(`${base}/customers?cursor=${cursor}`)).status).toBe(400);
    const [fingerprint] = JSON.parse(Buffer.from(first, 'base64url').toString());
    const short = Buffer.from(JSON.stringify([fingerprint, 'only'])).toString('base64url');
    expect((await api.get(`${base}/customers?kind=prospect&sort=name&cursor=${short}`)).status).toBe(400);
  });

  it('are exported as CSV and JSON', async () => {
    await create({ name: '=cmd|x', organization_name: 'a "b", c', email: 'export@example.com' });
    const csv = await api.get(`${base}/customers/export?email=export@example.com`);
    expect(csv.headers.get('content-type')).toBe('text/csv; charset=utf-8');
    const [head, row] = csv.text.split('\r\n');
    expect(head).toMatch(/^id,organization_id,name,email,kind,/);
    expect(row).toContain(`,'=cmd|x,export@example.com,customer,"a ""b"", c",`);
    const json = await api.get(`${base}/customers/export?email=export@example.com&format=json`);
    expect(json.json[0]).toMatchObject({ name: '=cmd|x', email: 'export@example.com', licenses: 0 });
  });

  it('are sold to by their id', async () => {
    const { db } = database();
    const sold = await seedPackage(db, shop.organization);
    const { id } = await create({ name: 'Known' });
    for (const path of [`${base}/license-keys`, `${base}/licenses`]) {
      const made = await api.post(path, { package_id: sold.id, customer_id: id });
      expect(made.status).toBe(201);
      expect((made.json.license ?? made.json).customer).toMatchObject({ id, name: 'Known' });
      const foreign = await api.post(path, { package_id: sold.id, customer_id: stranger });
      expect([foreign.status, foreign.json.code]).toEqual([404, 'NOT_FOUND']);
      const nobody = await api.post(path, { package_id: sold.id });
      expect(nobody.json.errors.map((each: { pointer: string }) => each.pointer)).toEqual([
        '/customer_name',
        '/customer_email',
      ]);
    }
    expect((await api.get(`/customers/${id}`)).json.licenses).toBe(2);
    expect(idsOf(await api.get(`${base}/licenses?customer_id=${id}`))).toHaveLength(2);
  });

  it('that are doubles are proposed', async () => {
    const one = await create({ name: 'D1', email: 'double+shop@example.com' });
    const two = await create({ name: 'D2', email: 'Double@example.com' });
    const found = await api.get(`${base}/customers/doubles?limit=1`);
    expect(found.json.items[0]).toMatchObject({ email: 'double@example.com', count: 2 });
    expect(found.json.items[0].customers.map(({ id }: { id: string }) => id)).toEqual([one.id, two.id]);
    const rest = await api.get(`${base}/customers/doubles?cursor=${found.json.next_cursor}`);
    expect(rest.json.items.map(({ email }: { email: string }) => email)).toEqual(['s@example.com']);
  });

  it('that are doubles are merged into one, whose id they lead to', async () => {
    const { db } = database();
    const double = await create({
      name: 'Old Name',
      email: 'old@example.com',
      external_customer_id: 'm-1',
      notes: 'old',
    });
    const stays = await create({ name: 'New Name', email: 'new@example.com', notes: 'new' });
    const trial = await seedPackage(db, shop.organization, { kind: 'trial' });
    const buy = (customer: object) => api.post(`${base}/licenses`, { package_id: trial.id, ...customer });
    const license = (await buy({ customer_id: double.id })).json;
    const merged = await api.post(`/customers/${double.id}/merge`, { into: stays.id });
    expect(merged.json).toMatchObject({
      ...{ id: stays.id, name: 'New Name', email: 'new@example.com', external_customer_id: 'm-1', notes: 'new\n\nold' },
      ...{ licenses: 1, merged_ids: [double.id] },
    });
    const led = await api.get(`/customers/${double.id}`);
    expect([led.json.id, led.headers.get('content-location')]).toEqual([stays.id, `/api/v1/customers/${stays.id}`]);
    expect((await api.get(`/licenses/${license.id}`)).json.customer.id).toBe(stays.id);
    expect(idsOf(await api.get(`${base}/licenses?customer_id=${double.id}`))).toEqual([license.id]);
    expect(idsOf(await api.get(`${base}/customers?q=old`))).toEqual([stays.id]);
    expect(idsOf(await api.get(`${base}/customers?email=old@example.com`))).toEqual([]);
    // The trial was had, by whichever address or id it is asked for again.
    for (const again of [
      { customer_id: stays.id },
      { customer_id: double.id },
      { customer_name: 'x', customer_email: 'old@example.com' },
    ])
      expect((await buy(again)).json.code).toBe('TRIAL_USED');
    expect((await api.post(`/customers/${double.id}/merge`, { into: stays.id })).json.id).toBe(stays.id);
    const third = await create({ name: 'Third' });
    await api.post(`/customers/${stays.id}/merge`, { into: third.id });
    expect((await api.get(`/customers/${double.id}`)).json).toMatchObject({ id: third.id, email: 'new@example.com' });
  });

  it('are merged with their own organization’s only, and never with the organization itself', async () => {
    const { db } = database();
    const { id } = await create({ name: 'Mine' });
    expect((await api.post(`/customers/${id}/merge`, { into: stranger })).status).toBe(404);
    const master = await seedLicense(db, shop.organization, { master: true });
    const refused = await api.post(`/customers/${master.customerId}/merge`, { into: id });
    expect([refused.status, refused.json.code]).toEqual([409, 'MASTER_IS_FIXED']);
  });

  it('that are merged in both directions at once end as one', async () => {
    const { db } = database();
    for (let round = 0; round < 5; round++) {
      const [one, two] = [await seedCustomer(db, shop.organization), await seedCustomer(db, shop.organization)];
      const licenses = [
        await seedLicense(db, shop.organization, { customerId: one.id }),
        await seedLicense(db, shop.organization, { customerId: two.id }),
      ];
      const answers = await Promise.all([
        api.post(`/customers/${one.id}/merge`, { into: two.id }),
        api.post(`/customers/${two.id}/merge`, { into: one.id }),
      ]);
      expect(answers.map(({ status }) => status)).toEqual([200, 200]);
      const survivors = await Promise.all([one, two].map(async ({ id }) => (await api.get(`/customers/${id}`)).json));
      expect(survivors[0]).toEqual(survivors[1]);
      expect(survivors[0]).toMatchObject({ licenses: 2 });
      expect(survivors[0].merged_ids).toHaveLength(1);
      const owners = await Promise.all(
        licenses.map(async ({ id }) => (await api.get(`/licenses/${id}`)).json.customer.id),
      );
      expect(new Set(owners)).toEqual(new Set([survivors[0].id]));
    }
  });

  it('are named by no other table than those that a merge gives on', async () => {
    const { db, engine } = database();
    const rows =
      engine === 'sqlite'
        ? await db.read((tx) =>
            tx.raw(
              "select m.name as t from sqlite_master m join pragma_table_info(m.name) c where m.type = 'table' and c.name = 'customer_id'",
            ),
          )
        : (
            await db.read((tx) =>
              tx.raw(
                "select table_name as t from information_schema.columns where column_name = 'customer_id' and table_schema = 'public'",
              ),
            )
          ).rows;
    expect(rows.map(({ t }: { t: string }) => t).sort()).toEqual([
      ...['customer_words', 'key_batches', 'licenses', 'mails', 'orders', 'subscriptions'],
    ]);
  });
});
