import { afterAll, beforeAll, expect, it } from 'vitest';
import { DAY } from '../../src/clock.ts';
import { type ApiServer, startApi } from '../support/api-server.ts';
import { onEachDatabase } from '../support/databases.ts';
import { type Shop, seedKey, seedPackage, seedRepository, seedShop } from '../support/seed.ts';

onEachDatabase('the shop routes', (database) => {
  let api: ApiServer;
  let shop: Shop;
  let base: string;
  let ref = 0;
  const payment = () => `order-${++ref}`;

  beforeAll(async () => {
    api = await startApi(database());
    shop = await seedShop(database().db);
    base = `/repos/${shop.organization.slug}/${shop.repository.name}`;
  });
  afterAll(() => api.close());

  const ownPackage = (change = {}) =>
    seedPackage(database().db, shop.organization, { repository: shop.repository, ...change });
  const buyer = { customer_name: 'Ada', customer_email: 'Ada@Example.com' };
  const sell = async (body: object, headers: Record<string, string> = {}) =>
    api.post(`${base}/license-keys`, { ...buyer, ...body }, { headers });

  it('shows and renews nothing of a package that another one took the place of', async () => {
    const lifetime = await ownPackage({ terms: { length: null } });
    const wide = await seedPackage(database().db, shop.organization);
    const { json } = await sell({ package_id: lifetime.id });
    const path = `${base}/license-keys/${json.id}`;
    const end = { valid_until: '2026-09-01T00:00:00.000Z' };
    api.pass(DAY);
    const changed = await api.post(`/licenses/${json.license_id}/switch`, { package_id: wide.id, ...end });
    expect(changed.json).toMatchObject({ status: 'active', ...end });
    expect((await api.get(path)).json).toMatchObject({ status: 'expired', valid_until: '2026-01-02T12:00:00.000Z' });
    const later = { valid_until: '2028-01-01T00:00:00Z' };
    for (const body of [{ ...later, payment_ref: payment() }, later])
      expect((await api.patch(path, body)).json.code).toBe('NOTHING_OPEN');
    api.pass(-DAY);
  });

  it('sells a package: 201 with the full key, its license and the line of the ledger', async () => {
    const sold = await ownPackage({ terms: { sites: 3 } });
    const answer = await sell({
      package_id: sold.id,
      quantity: 2,
      domains: ['Example.com', '*.example.org'],
      payment_ref: payment(),
    });
    expect(answer.status).toBe(201);
    expect(answer.json).toMatchObject({
      id: expect.stringMatching(/^key_/),
      license_id: expect.stringMatching(/^lic_/),
      key: expect.stringMatching(/^FG1-/),
      status: 'active',
      key_status: 'active',
      domains: ['example.com', '*.example.org'],
      valid_until: '2027-01-01T12:00:00.000Z',
      license: {
        status: 'active',
        customer: { name: 'Ada', email: 'ada@example.com', kind: 'customer' },
        limits: { sites: { used: 0, exempt: 0, max: 6 } },
        over_limit: false,
        products: [{ id: shop.product.id, path: shop.path, status: 'active', channels: ['stable'], max_sites: 6 }],
      },
    });
    expect(answer.json.hint).toBe(`FG1…${answer.json.key.slice(-4)}`);
    expect(answer.json.grants).toHaveLength(1);
    expect(answer.json.grants[0]).toMatchObject({
      id: answer.json.grant_id,
      package_id: sold.id,
      source: 'purchase',
      quantity: 2,
      starts_at: '2026-01-01T12:00:00.000Z',
      ends_at: '2027-01-01T12:00:00.000Z',
      state: 'open',
      line: '1',
    });
  });

  it('answers a payment line that comes again with 200 and the same key, long after the kept reply is gone', async () => {
    const sold = await ownPackage();
    const body = { package_id: sold.id, payment_ref: payment(), line: 7 };
    const first = await sell(body, { 'Idempotency-Key': `once-${body.payment_ref}` });
    const kept = await sell(body, { 'Idempotency-Key': `once-${body.payment_ref}` });
    await api.forgetReplies();
    const later = await sell(body, { 'Idempotency-Key': `once-${body.payment_ref}` });
    const bare = await sell(body);
    expect([first.status, kept.status, later.status, bare.status]).toEqual([201, 201, 200, 200]);
    expect(kept.headers.get('idempotent-replayed')).toBe('true');
    expect(kept.json).toEqual(first.json);
    for (const again of [later, bare]) {
      expect([again.json.key, again.json.id, again.json.grant_id]).toEqual([
        first.json.key,
        first.json.id,
        first.json.grant_id,
      ]);
    }
    expect(first.json.grants[0].line).toBe('7');
  });

  it('keeps no key in a stored reply', async () => {
    const sold = await ownPackage();
    const answer = await sell({ package_id: sold.id }, { 'Idempotency-Key': `stored-${payment()}` });
    const rows: { response: string }[] = await database().db.read((tx) => tx('idempotency_keys').select('response'));
    expect(rows.length).toBeGreaterThan(0);
    for (const { response } of rows) expect(response).not.toContain(answer.json.key);
    expect(api.lines.join('')).not.toContain(answer.json.key);
  });

  it('sells without a payment once for an Idempotency-Key, and refuses the key for another sale even after its day', async () => {
    const sold = await ownPackage();
    const other = await ownPackage();
    const headers = { 'Idempotency-Key': `gift-${payment()}` };
    const first = await sell({ package_id: sold.id }, headers);
    await api.forgetReplies();
    const again = await sell({ package_id: sold.id }, headers);
    expect([again.status, again.json.key]).toEqual([200, first.json.key]);
    await api.forgetReplies();
    const paid = await sell({ package_id: sold.id, payment_ref: payment() }, headers);
    expect([paid.status, paid.json.code]).toEqual([422, 'IDEMPOTENCY_KEY_CONFLICT']);
    await api.forgetReplies();
    const another = await sell({ package_id: other.id }, headers);
    expect([another.status, another.json.code]).toEqual([409, 'PAYMENT_LINE_CONFLICT']);
  });

  it('refuses the same line with another package or license, and sells another line', async () => {
    const one = await ownPackage();
    const two = await ownPackage();
    const payment_ref = payment();
    const first = await sell({ package_id: one.id, payment_ref });
    const conflict = await sell({ package_id: two.id, payment_ref });
    const second = await sell({ package_id: two.id, payment_ref, line: '2' });
    const into = await sell({ package_id: one.id, payment_ref, license_id: second.json.license_id });
    expect([conflict.status, conflict.json.code]).toEqual([409, 'PAYMENT_LINE_CONFLICT']);
    expect([into.status, into.json.code]).toEqual([409, 'PAYMENT_LINE_CONFLICT']);
    expect(second.status).toBe(201);
    expect(second.json.license_id).not.toBe(first.json.license_id);
  });

  it('sells one key for one payment line that is sent many times at once', async () => {
    const sold = await ownPackage();
    const body = { package_id: sold.id, payment_ref: payment() };
    const answers = await Promise.all(Array.from({ length: 6 }, () => sell(body)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 200, 201]);
    expect(new Set(answers.map(({ json }) => json.key)).size).toBe(1);
  });

  it("takes only the repository's packages and lists them", async () => {
    const { db } = database();
    const mine = await ownPackage();
    const inactive = await ownPackage({ active: false });
    const ofOrganization = await seedPackage(db, shop.organization);
    const ofNeighbour = await seedPackage(db, shop.organization, {
      repository: await seedRepository(db, shop.organization),
    });
    const ofStranger = await seedPackage(db, (await seedShop(db)).organization);
    for (const { id } of [ofOrganization, ofNeighbour, ofStranger]) {
      const { status, json } = await sell({ package_id: id });
      expect([status, json.code, json.errors[0].pointer]).toEqual([422, 'PACKAGE_NOT_OF_REPOSITORY', '/package_id']);
      expect(json.detail).toContain(mine.id);
      expect(json.detail).not.toContain(inactive.id);
    }
    const refused = await sell({ package_id: inactive.id });
    expect([refused.status, refused.json.code]).toEqual([409, 'PACKAGE_INACTIVE']);
    const organization = `/organizations/${shop.organization.slug}/license-keys`;
    expect((await api.post(organization, { ...buyer, package_id: ofOrganization.id })).status).toBe(201);
    expect((await api.post(organization, { ...buyer, package_id: ofNeighbour.id })).status).toBe(201);
    expect((await api.post(organization, { ...buyer, package_id: ofStranger.id })).status).toBe(404);
  });

  it('sells an add-on into a license only', async () => {
    const sold = await ownPackage();
    const addon = await ownPackage({ kind: 'addon', terms: { sites: 5, length: null } });
    const alone = await sell({ package_id: addon.id });
    expect([alone.status, alone.json.code]).toEqual([422, 'ADDON_NEEDS_LICENSE']);
    const first = await sell({ package_id: sold.id });
    const { license_id } = first.json;
    const more = await api.post(`${base}/license-keys`, { package_id: addon.id, license_id, quantity: 2 });
    expect([more.status, more.json.id]).toEqual([201, first.json.id]);
    expect(more.json.license.limits.sites.max).toBe(11);
    const again = await api.post(`${base}/license-keys`, { package_id: addon.id, license_id });
    expect([again.status, again.json.code]).toEqual([409, 'NO_END_TO_EXTEND']);
  });

  it('adds time with the same package', async () => {
    const sold = await ownPackage();
    const { json } = await sell({ package_id: sold.id });
    const before = Date.parse(json.valid_until);
    const more = await sell({ package_id: sold.id, license_id: json.license_id });
    expect(Date.parse(more.json.valid_until) - before).toBeGreaterThanOrEqual(365 * DAY);
    expect(more.json.license.limits.sites.max).toBe(1);
  });

  it('tells the full key of a license to its seller and to tokens that may see keys', async () => {
    const sold = await ownPackage();
    const seller = api.as(await api.token({ scopes: ['payments:write'] }));
    const other = api.as(await api.token({ scopes: ['payments:write'] }));
    const shower = api.as(await api.token({ scopes: ['licenses:write'] }));
    const body = { ...buyer, package_id: sold.id, payment_ref: payment() };
    const first = await seller.post(`${base}/license-keys`, body);
    expect(first.json.key).toMatch(/^FG1-/);
    expect((await seller.post(`${base}/license-keys`, body)).json.key).toBe(first.json.key);
    expect((await shower.post(`${base}/license-keys`, body)).json.key).toBe(first.json.key);
    const guessed = await other.post(`${base}/license-keys`, body);
    expect([guessed.status, guessed.json.key, guessed.json.id]).toEqual([200, null, first.json.id]);
    const into = { package_id: sold.id, license_id: first.json.license_id };
    const headers = { 'Idempotency-Key': `into-${payment()}` };
    for (let i = 0; i < 2; i++) {
      expect((await other.post(`${base}/license-keys`, into, { headers })).json.key).toBeNull();
    }
  });

  it('tells every wrong field at once', async () => {
    const answer = await api.post(`${base}/license-keys`, {
      package_id: 'cus_00000000000000000000000000',
      quantity: 0,
      customer_email: 'nobody',
      domains: ['example.com', '*.com', ''],
      payment_ref: '',
      line: true,
      coupon: 'x',
    });
    expect(answer.status).toBe(400);
    expect(answer.json.code).toBe('WRONG_ID_KIND');
    const pointers = answer.json.errors.map(({ pointer }: { pointer: string }) => pointer).sort();
    expect(pointers).toEqual([
      '/coupon',
      '/customer_email',
      '/customer_name',
      '/domains/1',
      '/domains/2',
      '/line',
      '/package_id',
      '/payment_ref',
      '/quantity',
    ]);
    const bare = await api.post(`${base}/license-keys`, {});
    expect(bare.json.errors.map(({ pointer }: { pointer: string }) => pointer).sort()).toEqual([
      '/customer_email',
      '/customer_name',
      '/package_id',
    ]);
  });

  it.each([
    ['2027-01-01T00:00:00', 'without a zone'],
    ['2027-01-01', 'without a time'],
    ['10000-01-01T00:00:00Z', 'after the year 9999'],
    ['9999-12-31T23:59:59-01:00', 'after the year 9999 in UTC'],
    ['2027-02-30T00:00:00Z', 'on no day'],
    [1_800_000_000, 'as a number'],
  ] as [unknown, string][])('refuses the end %s: %s', async (valid_until) => {
    const sold = await ownPackage();
    const { json } = await sell({ package_id: sold.id });
    const answer = await api.patch(`${base}/license-keys/${json.id}`, { valid_until });
    expect([answer.status, answer.json.errors[0].pointer]).toEqual([400, '/valid_until']);
  });

  it('sets an end by hand, in UTC, and takes it away', async () => {
    const sold = await ownPackage();
    const { json } = await sell({ package_id: sold.id });
    const path = `${base}/license-keys/${json.id}`;
    const answer = await api.patch(path, { valid_until: '2030-06-01T02:00:00.5+02:00', domains: ['shop.example'] });
    expect(answer.status).toBe(200);
    expect([answer.json.valid_until, answer.json.domains]).toEqual(['2030-06-01T00:00:00.500Z', ['shop.example']]);
    expect(answer.json.grants.map(({ source }: { source: string }) => source)).toEqual(['purchase', 'admin']);
    const endless = await api.patch(path, { valid_until: null, domains: [] });
    expect([endless.json.valid_until, endless.json.domains]).toEqual([null, []]);
    expect((await api.get(path)).json).toEqual(endless.json);
  });

  it('renews with a payment, once', async () => {
    const sold = await ownPackage();
    const paid = payment();
    const { json } = await sell({ package_id: sold.id, payment_ref: paid });
    const path = `${base}/license-keys/${json.id}`;
    const payment_ref = payment();
    const renewal = { valid_until: '2029-01-01T00:00:00Z', payment_ref };
    const first = await api.patch(path, renewal);
    const again = await api.patch(path, renewal);
    expect([first.status, again.status]).toEqual([200, 200]);
    expect(again.json.valid_until).toBe('2029-01-01T00:00:00.000Z');
    expect(again.json.grants.map(({ source }: { source: string }) => source)).toEqual(['purchase', 'renewal']);
    const shorter = await api.patch(path, { valid_until: '2026-06-01T00:00:00Z', payment_ref: payment() });
    expect([shorter.status, shorter.json.code]).toEqual([422, 'END_NOT_LATER']);
    const taken = await api.patch(path, { valid_until: '2031-01-01T00:00:00Z', payment_ref: paid });
    expect([taken.status, taken.json.code]).toEqual([409, 'PAYMENT_LINE_CONFLICT']);
    const endless = await api.patch(path, { payment_ref: payment() });
    expect([endless.status, endless.json.errors[0].pointer]).toEqual([400, '/valid_until']);
    const refund = await api.post(`/grants/${again.json.grants[1].id}/close`, { reason: 'refund' });
    expect([refund.status, refund.json.state, refund.json.closings[0].reason]).toEqual([200, 'closed', 'refund']);
    expect((await api.get(path)).json.valid_until).toBe(json.valid_until);
  });

  it("shows and changes on a repository's routes only its own lines", async () => {
    const { db } = database();
    const mine = await ownPackage({ terms: { length: { value: 1, unit: 'month' } } });
    const wide = await seedPackage(db, shop.organization, { terms: { length: { value: 5, unit: 'year' }, sites: 10 } });
    const neighbour = await seedRepository(db, shop.organization);
    const organization = `/organizations/${shop.organization.slug}`;
    const first = await api.post(`${organization}/license-keys`, { ...buyer, package_id: wide.id });
    const path = `/license-keys/${first.json.id}`;
    expect((await api.get(`${base}${path}`)).status).toBe(404);
    await api.post(`${base}/license-keys`, { package_id: mine.id, license_id: first.json.license_id });

    const narrow = await api.get(`${base}${path}`);
    expect(narrow.json.grants.map((grant: { package_id: string }) => grant.package_id)).toEqual([mine.id]);
    expect(new Date(narrow.json.valid_until).getTime() - api.now()).toBeLessThan(32 * DAY);
    expect(narrow.json.license.limits.sites.max).toBe(11);
    const whole = await api.get(`${organization}${path}`);
    expect(whole.json.grants).toHaveLength(2);
    expect(whole.json.valid_until).toBe(first.json.valid_until);

    const changed = await api.patch(`${base}${path}`, { valid_until: '2028-03-01T00:00:00Z' });
    expect(changed.json.valid_until).toBe('2028-03-01T00:00:00.000Z');
    const after = await api.get(`${organization}${path}`);
    expect(after.json.valid_until).toBe(first.json.valid_until);
    expect((await api.get(`/repos/${shop.organization.slug}/${neighbour.name}${path}`)).status).toBe(404);
    const listed = await api.get(`${base}/license-keys?license_id=${first.json.license_id}`);
    expect(listed.json.items.map(({ id }: { id: string }) => id)).toEqual([first.json.id]);
    const elsewhere = await api.get(`/repos/${shop.organization.slug}/${neighbour.name}/license-keys`);
    expect(elsewhere.json).toMatchObject({ items: [], total: 0 });
  });

  it('pages through the keys and finds one by its hint', async () => {
    const lonely = await seedShop(database().db);
    const sold = await seedPackage(database().db, lonely.organization);
    const path = `/organizations/${lonely.organization.slug}/license-keys`;
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.push((await api.post(path, { ...buyer, package_id: sold.id })).json.id);
    const seen: string[] = [];
    let cursor = '';
    do {
      const page = await api.get(`${path}?limit=2${cursor && `&cursor=${cursor}`}`);
      expect(page.json.total).toBe(5);
      seen.push(...page.json.items.map(({ id }: { id: string }) => id));
      cursor = page.json.next_cursor ?? '';
      expect(page.headers.get('link') === null).toBe(cursor === '');
    } while (cursor !== '');
    expect(seen).toEqual(ids);
    const { license_id } = (await api.get(`${path}/${ids[0]}`)).json;
    const key = await seedKey(database().db, { id: license_id });
    const found = await api.get(`${path}?hint=${encodeURIComponent(key.hint.replace('…', '...'))}`);
    expect(found.json.items.map(({ id }: { id: string }) => id)).toContain(key.id);
    expect((await api.get(`${path}?limit=201`)).status).toBe(400);
  });

  it('finds the repository by an old address of its product and in capitals', async () => {
    const sold = await ownPackage();
    await api.post(`/products/${shop.product.id}/aliases`, { path: `${shop.organization.slug}/com_old` });
    const old = `/repos/${shop.organization.slug}/com_OLD/license-keys`;
    const answer = await api.post(old, { ...buyer, package_id: sold.id });
    expect(answer.status).toBe(201);
    expect((await api.get(`/repos/${shop.organization.slug.toUpperCase()}/com_old/license-keys`)).status).toBe(200);
    expect((await api.get(`/repos/${shop.organization.slug}/nothing/license-keys`)).status).toBe(404);
  });
});
