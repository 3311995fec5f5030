import type { Core } from '../app.ts';
import { toIso } from '../clock.ts';
import { requireOrganization } from '../forge/forge-reads.ts';
import { TYPE_CHOICES } from '../notify/event-types.ts';
import { type WebhookView, webhookView } from '../notify/webhook-view.ts';
import { addWebhook, changeWebhook, listWebhooks, removeWebhook, rotateWebhookSecret } from '../notify/webhooks.ts';
import {
  type Command,
  choiceOf,
  EXIT,
  listOf,
  numberOf,
  required,
  textOf,
  UsageError,
  type Values,
} from './command.ts';
import { byCli, withCore } from './session.ts';
import { shortTime, table } from './table.ts';

const TYPES_HELP = [
  '--types          *, or some of these, with commas between them:',
  ...TYPE_CHOICES.filter((type) => type !== '*').map((type) => `  ${type}`),
];

function typesSaid(values: Values): string[] {
  const types = listOf(values, 'types');
  const unknown = types.find((type) => !TYPE_CHOICES.includes(type));
  if (unknown !== undefined) throw new UsageError(`there is no event type "${unknown}"; see --help`);
  return types;
}

function depsOf(core: Core) {
  return { db: core.db, secrets: core.secrets, allowed: core.webhooks.allowed };
}

function stateOf({ active, disabled_reason, failing_since }: WebhookView): string {
  if (!active) return disabled_reason === null ? 'off' : `off: ${disabled_reason}`;
  return failing_since === null ? 'on' : 'failing';
}

export const webhookList: Command = {
  name: 'webhook list',
  summary: 'The webhooks of an organization: who is told what happens there.',
  usage: '<organization>',
  async run(call) {
    const slug = required(call.positionals[0], 'the organization');
    return withCore(call, 'database', async (core) => {
      const organization = await requireOrganization(core.db, slug);
      const now = toIso(core.clock());
      const views = (await listWebhooks(core.db, organization.id)).map((each) => webhookView(each, now));
      call.io.json({ webhooks: views });
      const rows = views.map((view) => [
        ...[view.id, stateOf(view), view.url, view.types.join(','), shortTime(view.failing_since)],
      ]);
      const heading = ['id', 'state', 'address', 'types', 'failing since'];
      call.io.say(rows.length === 0 ? `${slug} has no webhook.` : table([heading, ...rows]));
      return EXIT.ok;
    });
  },
};

export const webhookAdd: Command = {
  name: 'webhook add',
  summary: 'Makes a webhook and shows its secret, this once.',
  usage: '<organization> --url https://shop.example.com/hooks [--types key.*,license.renewed] [--description "…"]',
  help: TYPES_HELP,
  options: { url: { type: 'string' }, types: { type: 'string' }, description: { type: 'string' } },
  async run(call) {
    const slug = required(call.positionals[0], 'the organization');
    const url = required(textOf(call.values, 'url'), '--url');
    const types = typesSaid(call.values);
    return withCore(call, 'database', async (core) => {
      const organization = await requireOrganization(core.db, slug);
      const description = textOf(call.values, 'description') ?? '';
      const wish = { url, types: types.length === 0 ? ['*'] : types, description };
      const { webhook, secret } = await addWebhook(depsOf(core), organization.id, wish, byCli(core));
      call.io.json({ ...webhookView(webhook, toIso(core.clock())), secret });
      call.io.say(`${webhook.id}\n${secret}`);
      return EXIT.ok;
    });
  },
};

export const webhookSet: Command = {
  name: 'webhook set',
  summary: 'Changes a webhook, or switches it off and on.',
  usage: '<id> [--url …] [--types …] [--description …] [--active yes|no]',
  help: TYPES_HELP,
  options: {
    url: { type: 'string' },
    types: { type: 'string' },
    description: { type: 'string' },
    active: { type: 'string' },
  },
  async run(call) {
    const id = required(call.positionals[0], 'the id of the webhook');
    const types = typesSaid(call.values);
    const active = choiceOf(call.values, 'active', ['yes', 'no'] as const);
    return withCore(call, 'database', async (core) => {
      const change = {
        url: textOf(call.values, 'url'),
        types: types.length === 0 ? undefined : types,
        description: textOf(call.values, 'description'),
        active: active === undefined ? undefined : active === 'yes',
      };
      const view = webhookView(await changeWebhook(depsOf(core), id, change, byCli(core)), toIso(core.clock()));
      call.io.json(view);
      call.io.say(`${view.id} is ${stateOf(view)}: ${view.types.join(', ')} to ${view.url}`);
      return EXIT.ok;
    });
  },
};

export const webhookRotate: Command = {
  name: 'webhook rotate',
  summary: 'Makes a new secret and shows it, this once; the old one signs too for a while.',
  usage: '<id> [--overlap-hours 24]',
  options: { 'overlap-hours': { type: 'string' } },
  async run(call) {
    const id = required(call.positionals[0], 'the id of the webhook');
    const hours = numberOf(call.values, 'overlap-hours') ?? 24;
    if (hours > 168) throw new UsageError('--overlap-hours is at most 168, a week');
    return withCore(call, 'database', async (core) => {
      const { webhook, secret } = await rotateWebhookSecret(depsOf(core), id, hours, byCli(core));
      call.io.json({ ...webhookView(webhook, toIso(core.clock())), secret });
      call.io.say(secret);
      return EXIT.ok;
    });
  },
};

export const webhookRemove: Command = {
  name: 'webhook remove',
  summary: 'Removes a webhook with its log.',
  usage: '<id>',
  async run(call) {
    const id = required(call.positionals[0], 'the id of the webhook');
    return withCore(call, 'database', async (core) => {
      await removeWebhook(core.db, id, byCli(core));
      call.io.json({ id, removed: true });
      call.io.say(`${id} is removed.`);
      return EXIT.ok;
    });
  },
};
