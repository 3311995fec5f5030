import { createHmac, randomUUID } from 'node:crypto';
import {
  type Answer,
  type Call,
  type FakeGitHubHook,
  type FakeGitHubWorld,
  MISSING,
  ok,
  refusal,
} from './fake-github-world.ts';

const EVENTS = ['*', 'ping', 'release', 'push', 'create', 'delete', 'repository', 'member', 'star'];
/** A repository's hook with one of these is refused. */
const ORGANIZATION_EVENTS = ['membership', 'organization', 'team'];

/** The hooks of a repository or an organization: the same address twice is a 422, a secret is never shown. */
export function answerHooks(
  world: FakeGitHubWorld,
  call: Call,
  stored: FakeGitHubHook[],
  id: string | undefined,
): Answer {
  if (!call.token?.admin) return MISSING;
  const hook = stored.find((each) => each.id === Number(id));
  if (id === undefined && call.method === 'GET') return ok(stored.map(shown));
  if (id !== undefined && !hook) return MISSING;
  if (hook && call.method === 'DELETE') {
    stored.splice(stored.indexOf(hook), 1);
    return { status: 204 };
  }
  const sent = sentHook(call.body);
  const ofOrganization = [...world.organizations.values()].includes(stored);
  const fault = faultOf(
    sent,
    ofOrganization,
    stored.filter((each) => each !== hook),
  );
  if (fault) return refusal(422, 'Validation Failed', [{ resource: 'Hook', code: 'custom', message: fault }]);
  if (hook) return ok(shown(Object.assign(hook, sent)));
  const made = { id: world.nextId(), active: true, events: ['push'], config: {}, ...sent };
  stored.push(made);
  return { status: 201, body: shown(made) };
}

function sentHook(body: unknown): Partial<FakeGitHubHook> {
  const { active, events, config } = (body ?? {}) as Partial<FakeGitHubHook>;
  return { ...(active === undefined ? {} : { active }), ...(events && { events }), ...(config && { config }) };
}

function faultOf(sent: Partial<FakeGitHubHook>, ofOrganization: boolean, others: FakeGitHubHook[]): string | null {
  const valid = ofOrganization ? [...EVENTS, ...ORGANIZATION_EVENTS] : EVENTS;
  const unknown = sent.events?.filter((event) => !valid.includes(event)) ?? [];
  if (unknown.length > 0) return `These events are not valid: ${unknown.join(', ')}`;
  const url = sent.config?.url;
  return others.some((other) => url !== undefined && other.config.url === url) ? 'Hook already exists' : null;
}

function shown(hook: FakeGitHubHook): FakeGitHubHook {
  return hook.config.secret ? { ...hook, config: { ...hook.config, secret: '********' } } : hook;
}

/** A delivery as GitHub sends it; without a secret it has no signature header. */
export function gitHubDelivery(event: string, payload: unknown, secret: string | null) {
  const body = Buffer.from(JSON.stringify(payload));
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    'user-agent': 'GitHub-Hookshot/fake',
    'x-github-event': event,
    'x-github-delivery': randomUUID(),
    'x-github-hook-id': '1',
  };
  if (secret !== null) {
    headers['x-hub-signature-256'] = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
    headers['x-hub-signature'] = `sha1=${createHmac('sha1', secret).update(body).digest('hex')}`;
  }
  return { headers, body };
}

/** One attempt a hook, each with its own delivery id; what becomes of it changes nothing. */
export async function deliver(hooks: readonly FakeGitHubHook[], event: string, payload: unknown): Promise<void> {
  const listening = hooks.filter((hook) => hook.active && hook.events.some((each) => each === event || each === '*'));
  await Promise.all(
    listening.map(async ({ config }) => {
      const { headers, body } = gitHubDelivery(event, payload, config.secret ?? null);
      await fetch(config.url ?? '', { method: 'POST', headers, body }).catch(() => undefined);
    }),
  );
}
