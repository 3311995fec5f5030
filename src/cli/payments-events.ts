import { requireOrganization } from '../forge/forge-reads.ts';
import { dismissEvent, eventsToMend, retryEvent } from '../payments/event-care.ts';
import { type Command, EXIT, required } from './command.ts';
import { accountSaid } from './payments.ts';
import { byCli, withCore } from './session.ts';
import { shortTime, table } from './table.ts';

const MOST = 500;

export const paymentsEvents: Command = {
  name: 'payments events',
  summary: 'The events of payment providers that are stuck, or failed and are tried again.',
  usage: '<organization>',
  async run(call) {
    const slug = required(call.positionals[0], 'the organization');
    return withCore(call, 'database', async (core) => {
      const { id } = await requireOrganization(core.db, slug);
      const events = await eventsToMend(core.db, id, MOST);
      const views = events.map((event) => ({
        ...{ id: event.id, type: event.type, state: event.state, subject: event.subject, attempts: event.attempts },
        ...{ detail: event.detail, next_at: event.nextAt, received_at: event.receivedAt },
      }));
      call.io.json({ events: views });
      const rows = views.map(({ id, type, state, attempts, next_at, detail }) => [
        ...[id, type, state, String(attempts), shortTime(next_at), detail],
      ]);
      const heading = ['id', 'type', 'state', 'attempts', 'next', 'why'];
      call.io.say(rows.length === 0 ? 'No event is stuck.' : table([heading, ...rows]));
      return EXIT.ok;
    });
  },
};

export const paymentsRetry: Command = {
  name: 'payments retry',
  summary: 'Works on an event again, at once.',
  usage: '<event>',
  async run(call) {
    const id = required(call.positionals[0], 'the event');
    return withCore(call, 'database', async (core) => {
      await core.db.tx((tx) => retryEvent(tx, id, byCli(core)));
      const outcome = await core.paymentEvents.worker.workNow(id);
      call.io.json({ id, outcome });
      call.io.say(outcome === 'worked' ? `${id} was worked on.` : `${id} is being worked on by the server.`);
      return EXIT.ok;
    });
  },
};

export const paymentsDismiss: Command = {
  name: 'payments dismiss',
  summary: 'Says that nothing is to be done about an event.',
  usage: '<event>',
  async run(call) {
    const id = required(call.positionals[0], 'the event');
    return withCore(call, 'database', async (core) => {
      await core.db.tx((tx) => dismissEvent(tx, id, byCli(core)));
      call.io.json({ id, state: 'dismissed' });
      call.io.say(`${id} is dismissed.`);
      return EXIT.ok;
    });
  },
};

export const paymentsReconcile: Command = {
  name: 'payments reconcile',
  summary: "Reads the provider's own list of events, and looks at everything that is open.",
  usage: '<organization> [--provider stripe] [--mode live]',
  options: { provider: { type: 'string' }, mode: { type: 'string' } },
  async run(call) {
    return withCore(call, 'database', async (core) => {
      const { id } = await accountSaid(core, call);
      const { events, looks } = await core.paymentEvents.reconcileNow(id);
      const looked = (await core.paymentEvents.worker.drain()) + looks;
      call.io.json({ new_events: events, looks: looked });
      call.io.say(events === null ? 'No list of events was read.' : `${events} new events.`);
      call.io.say(`${looked} looks at the provider.`);
      return EXIT.ok;
    });
  },
};
