import { beforeAll, expect, it } from 'vitest';
import { apiRoutes } from '../../src/app.ts';
import { DAY, HOUR } from '../../src/clock.ts';
import type { Tx } from '../../src/db/dialect.ts';
import { KEY_SCAN_PATTERN } from '../../src/licensing/license-key.ts';
import { linkIn, onEachJourney, SMTP_PASSWORD } from '../support/journey.ts';
import { buyersAt, STRIPE, STRIPE_HOOK_SECRET, STRIPE_KEY, sellWithStripe } from '../support/stripe-journey.ts';

const ORG = '/organizations/acme';
/** They are there to give out a key or a token, to whoever may have it. */
const GIVING = new Set(['/api/v1/keys/{id}/text']);

/** After a life with Stripe: what is secret stands where it must, and nowhere else. */
onEachJourney('what is secret after a life with Stripe', STRIPE, (journey, stripe) => {
  const { settle, checkout, sessionAt, bought, until, endOf } = buyersAt(journey, stripe);
  const keys: string[] = [];
  /** Whoever has one of them opens something. */
  const tokens: string[] = [];
  const cliAnswers: string[] = [];

  const tokenIn = (url: string) => url.split('/').at(-1) ?? '';

  beforeAll(async () => {
    const { operator, anybody, page, mail, run } = journey();
    await sellWithStripe(journey(), stripe());
    for (const words of ['--json', '']) {
      const argv = ['payments', 'check', 'acme', words].filter((word) => word !== '');
      cliAnswers.push(JSON.stringify(await run(...argv)));
    }
    const hook = await operator.post(`${ORG}/webhooks`, { url: 'https://8.8.8.8/', types: ['*'] });
    tokens.push(String(hook.json?.secret ?? hook.text));

    const one = await bought('once', 'ada@example.com');
    const sub = await bought('monthly', 'sue@example.com');
    keys.push(one.key, sub.key);
    tokens.push(tokenIn(one.orderUrl), tokenIn(sub.orderUrl));
    const grants = one.order.grants as { license_id: string }[];
    const own = await operator.get(`${ORG}/license-keys?license_id=${grants[0]?.license_id}`);
    const replaced = await operator.post(`/keys/${own.json.items[0].id}/replace`, { reason: 'leaked' });
    keys.push(String(replaced.json?.key ?? ''));
    const twice = { headers: { 'Idempotency-Key': 'once' } };
    const begun = await operator.post(
      `${ORG}/orders`,
      { items: [{ price: 'once' }], consent: { version: '2026-01' } },
      twice,
    );
    tokens.push(String(begun.json.order_token));
    const sold = {
      customer_name: 'Hand',
      customer_email: 'hand@example.com',
      package_id: sub.order.lines[0].package_id,
    };
    keys.push((await operator.post(`${ORG}/license-keys`, sold, { headers: { 'Idempotency-Key': 'two' } })).json.key);
    await anybody.post('/api/public/subscriptions/portal', { key: sub.key });
    await anybody.post('/api/public/subscriptions/cancel', { key: `${sub.key}X` });
    await fetch(`${journey().url}/acme/hello/updates.xml?dlid=${sub.key}&site=one.example.com`);
    await fetch(`${journey().url}/k/${sub.key}/acme/hello/updates.xml`);
    await page(`${one.orderUrl}x`);

    stripe().declines = 1;
    await until(endOf(sub.subscription) + 2 * HOUR);
    stripe().retry(sub.subscription, 'paid');
    const intent = String(stripe().world.sessions.get(one.sessionId)?.payment_intent);
    stripe().refund(intent, { amount: 100 });
    const dispute = stripe().dispute(intent);
    await settle();
    stripe().moveDispute(dispute.id, 'lost');
    await settle();
    stripe().faults.push({ fault: '500', on: /^GET/, times: 3 });
    const late = await checkout([{ price: 'once' }], { email: 'later@example.com' });
    tokens.push(String(late.json.order_token));
    stripe().pay(sessionAt(late.json.url), { email: 'later@example.com' });
    await settle();
    await page(late.json.order_url);
    stripe().faults.length = 0;
    const withdrawal = { order: one.order.id, email: 'ada@example.com', name: 'Ada', step: 'confirm' };
    await page(`${journey().url}/withdraw/acme`, withdrawal);
    await operator.post(`/subscriptions/${sub.order.subscription_ids[0]}/cancel`, { when: 'now' });
    await until(journey().time.now + 350 * DAY);
    await journey().chores('daily');
    await settle();
    for (const { text } of mail.received) {
      for (const start of ['renew', 'mail/stop', 'order']) {
        if (text.includes(`/${start}/`)) {
          const link = linkIn(text, `${journey().url}/${start}/`);
          tokens.push(tokenIn(link));
          await page(link);
        }
      }
      keys.push(...(text.match(KEY_SCAN_PATTERN)?.slice(0, 1) ?? []));
    }
  }, 60_000);

  /** Where a text stands; the secrets themselves are not repeated. */
  function found(where: string, text: string): string[] {
    const secrets = {
      'a license key': keys,
      "the provider's key": [STRIPE_KEY],
      'the secret of the webhook': [STRIPE_HOOK_SECRET],
      "the mail server's password": [SMTP_PASSWORD],
      'a token of a link': tokens,
    };
    return Object.entries(secrets).flatMap(([name, all]) =>
      all.some((secret) => secret !== '' && text.includes(secret)) ? [`${name} in ${where}`] : [],
    );
  }

  it('there is something to look for', () => {
    expect(new Set(keys).size).toBeGreaterThanOrEqual(4);
    expect(new Set(tokens).size).toBeGreaterThanOrEqual(5);
    for (const secret of [...keys, ...tokens]) expect(secret.length).toBeGreaterThan(20);
  });

  it('no line of the log has it, and no answer of `feedgate payments check`', () => {
    expect(journey().lines.length).toBeGreaterThan(50);
    const bad = journey().lines.flatMap((line) => found(line.slice(0, 200), line));
    expect([...bad, ...cliAnswers.flatMap((text) => found('a command', text))]).toEqual([]);
    expect(journey().lines.filter((line) => KEY_SCAN_PATTERN.test(line))).toEqual([]);
  });

  it('no row of any table has it', async () => {
    const { db } = journey().core();
    const rows = await db.read(async (tx) => {
      const all: [string, string][] = [];
      for (const table of await tablesOf(tx, db.engine))
        for (const row of await tx(table)) all.push([table, JSON.stringify(row)]);
      return all;
    });
    expect(new Set(rows.map(([table]) => table))).toEqual(
      expect.objectContaining(new Set(['payments', 'mails', 'audit', 'outbox', 'payment_events'])),
    );
    expect([...new Set(rows.flatMap(([table, text]) => found(table, text)))]).toEqual([]);
  });

  it('no answer of the API has it, whatever an owner looks at', async () => {
    const { operator } = journey();
    const gets = apiRoutes(journey().core()).filter(({ method, path }) => method === 'get' && !GIVING.has(path));
    const ids = new Map<string, Set<string>>();
    const bad: string[] = [];
    let answered = 0;
    async function look(path: string): Promise<void> {
      const { status, text } = await operator.get(path);
      if (status === 200) answered += 1;
      bad.push(...found(path.replaceAll(/_[0-9a-z]{26}/g, '_'), text));
      for (const [id, kind = ''] of text.matchAll(/\b([a-z]{2,4})_[0-9a-z]{26}\b/g)) {
        ids.set(kind, (ids.get(kind) ?? new Set()).add(id));
      }
    }
    for (const { path } of gets) {
      const named = path.replace('{org}', 'acme').replace('{repo}', 'hello');
      if (!named.includes('{')) await look(named);
    }
    for (const { path, params } of gets.filter((each) => each.path.includes('{id}') && !/\{(?!id)/.test(each.path))) {
      const fitting = [...ids.values()].flatMap((all) => [...all].slice(0, 4));
      for (const id of fitting.filter((each) => params.safeParse({ id: each }).success))
        await look(path.replace('{id}', id));
    }
    expect(answered).toBeGreaterThan(100);
    expect([...new Set(bad)]).toEqual([]);
  }, 60_000);
});

async function tablesOf(tx: Tx, engine: string): Promise<string[]> {
  const rows =
    engine === 'sqlite'
      ? await tx('sqlite_master').where({ type: 'table' }).select('name')
      : await tx('information_schema.tables').where({ table_schema: 'public' }).select({ name: 'table_name' });
  return rows.map(({ name }) => String(name)).filter((name) => !name.startsWith('sqlite_'));
}
