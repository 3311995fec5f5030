import { CLI_ACTOR } from '../accounts/actor.ts';
import { listDeliveries, resend, testWebhook } from '../notify/deliveries.ts';
import { DELIVERY_STATES, type DeliveryView, deliveryView } from '../notify/webhook-view.ts';
import { type Call, type Command, choiceOf, EXIT, numberOf, required } from './command.ts';
import { byCli, withCore } from './session.ts';
import { shortTime, table } from './table.ts';

const SHOWN = 50;

function lastOf({ attempts }: DeliveryView): string {
  const last = attempts.at(-1);
  return last === undefined ? '-' : (last.error ?? `${last.status} in ${last.duration_ms} ms`);
}

export const webhookDeliveries: Command = {
  name: 'webhook deliveries',
  summary: 'What a webhook was told and how it went, the newest first.',
  usage: '<id> [--state waiting|delivered|failed] [--limit 50]',
  options: { state: { type: 'string' }, limit: { type: 'string' } },
  async run(call) {
    const endpointId = required(call.positionals[0], 'the id of the webhook');
    const state = choiceOf(call.values, 'state', DELIVERY_STATES);
    return withCore(call, 'database', async (core) => {
      const limit = numberOf(call.values, 'limit') ?? SHOWN;
      const { items } = await listDeliveries(core.db, CLI_ACTOR, { endpointId, state }, { limit });
      const views = items.map(deliveryView);
      call.io.json({ deliveries: views });
      const rows = views.map((view) => [
        ...[view.id, shortTime(view.created_at), view.type, view.state, String(view.attempts.length), lastOf(view)],
        shortTime(view.next_attempt_at),
      ]);
      const heading = ['id', 'when', 'type', 'state', 'attempts', 'last', 'next'];
      call.io.say(rows.length === 0 ? 'There is no delivery.' : table([heading, ...rows]));
      return EXIT.ok;
    });
  },
};

export const webhookTest: Command = {
  name: 'webhook test',
  summary: 'Sends a test event now; fails where it is not delivered.',
  usage: '<id of the webhook>',
  run: (call) =>
    withCore(call, 'database', async (core) => {
      const id = required(call.positionals[0], 'the id of the webhook');
      return tell(call, deliveryView(await testWebhook(core.db, core.webhooks.sender, id, byCli(core))));
    }),
};

export const webhookResend: Command = {
  name: 'webhook resend',
  summary: 'Sends an event once more, the same bytes under the same id; fails where it is not delivered.',
  usage: '<id of the delivery>',
  run: (call) =>
    withCore(call, 'database', async (core) => {
      const id = required(call.positionals[0], 'the id of the delivery');
      return tell(call, deliveryView(await resend(core.db, core.webhooks.sender, id, byCli(core))));
    }),
};

function tell(call: Call, view: DeliveryView): number {
  call.io.json(view);
  call.io.say(`${view.id} ${view.state}: ${lastOf(view)}`);
  return view.state === 'delivered' ? EXIT.ok : EXIT.failed;
}
