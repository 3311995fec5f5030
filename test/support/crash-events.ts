import BetterSqlite3 from 'better-sqlite3';
import pg from 'pg';
import { connect } from '../../src/db/connect.ts';
import { applySnapshot } from '../../src/payments/fulfil.ts';
import { eventsOn } from './event-worker.ts';
import { fakeEvent, fakeGateway, signedDelivery } from './fake-gateway.ts';

/**
 * A process of its own that takes in or works on one event and kills itself (kill -9, nothing of it runs any more) right before its
 * nth write. It ends by itself where it has fewer.
 */
interface CrashWish {
  databaseUrl: string | null;
  sqliteFile: string;
  providerUrl: string;
  act: 'receive' | 'work';
  organizationId: string;
  /** Of the provider where it is received, ours where it is worked on. */
  eventId: string;
  nth: number;
}

const wish = JSON.parse(process.argv[2] ?? '') as CrashWish;
const db = connect(wish.databaseUrl, wish.sqliteFile);
const { inbox, worker } = eventsOn(db, fakeGateway(wish.providerUrl), { apply: applySnapshot });
// What the connection itself does is no write of ours.
await db.read((tx) => tx('payment_events').first('id'));
let writes = 0;
countWrites();

if (wish.act === 'work') await worker.workNow(wish.eventId);
else {
  const { body, headers } = signedDelivery(fakeEvent(wish.eventId));
  const { organizationId } = wish;
  await inbox.receive({ organizationId, provider: 'fake', via: 'webhook', headers, raw: Buffer.from(body) });
  // Committed, and the answer never leaves.
  if (writes < wish.nth) process.kill(process.pid, 'SIGKILL');
}
await db.close();

function countWrites(): void {
  const { prepare } = BetterSqlite3.prototype;
  // A statement is kept, so that it is counted when it runs.
  BetterSqlite3.prototype.prepare = function counted(this: BetterSqlite3.Database, sql: string) {
    const statement = prepare.call(this, sql) as unknown as Record<string, (...args: unknown[]) => unknown>;
    for (const name of ['run', 'all', 'get']) {
      const way = statement[name];
      statement[name] = (...args) => {
        count(sql);
        return way?.apply(statement, args);
      };
    }
    return statement;
  } as unknown as typeof prepare;
  const query = pg.Client.prototype.query as (...args: unknown[]) => unknown;
  pg.Client.prototype.query = function counted(this: pg.Client, ...args: [string | { text?: string }]) {
    count(typeof args[0] === 'string' ? args[0] : (args[0].text ?? ''));
    return query.apply(this, args);
  } as typeof pg.Client.prototype.query;
}

function count(sql: string): void {
  if (!/^\s*(insert|update|delete|commit)/i.test(sql)) return;
  writes += 1;
  if (writes === wish.nth) process.kill(process.pid, 'SIGKILL');
}
