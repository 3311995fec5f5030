import { z } from 'zod';
import { hookBody } from './fake-forge-gitea-bodies.ts';
import { type GiteaCall, notFound, page } from './fake-forge-gitea-calls.ts';
import type { FakeAnswer } from './fake-forge-server.ts';
import { type FakeHook, newNumber } from './fake-forge-world.ts';

const EVENTS = [
  'create',
  'delete',
  'fork',
  'push',
  'issues',
  'issue_comment',
  'pull_request',
  'wiki',
  'repository',
  'release',
  'package',
];

const hookInput = z.object({
  type: z.string().optional(),
  active: z.boolean().optional(),
  events: z.array(z.string()).optional(),
  branch_filter: z.string().optional(),
  authorization_header: z.string().optional(),
  config: z.record(z.string(), z.string()).optional(),
});

/**
 * Hooks of a repository, an organization or the system. As measured: off unless told otherwise, unknown events vanish, a second
 * hook with the same address is fine, a PATCH resets what it leaves out and takes no secret.
 */
export function answerHooks(call: GiteaCall, hooks: FakeHook[], path: string[]): FakeAnswer {
  const { method } = call.request;
  if (path.length === 0 && method === 'GET') {
    const slice = page(call, hooks);
    return { status: 200, headers: slice.headers, body: slice.entries.map(hookBody) };
  }
  if (path.length === 0 && method === 'POST') return createHook(call, hooks);
  const hook = hooks.find((one) => String(one.id) === path[0]);
  if (!hook || path.length !== 1) return notFound(call);
  if (method === 'GET') return { status: 200, body: hookBody(hook) };
  if (method === 'PATCH') return editHook(call, hook);
  if (method !== 'DELETE') return { status: 405, body: { message: 'no such method' } };
  hooks.splice(hooks.indexOf(hook), 1);
  return { status: 204 };
}

function createHook(call: GiteaCall, hooks: FakeHook[]): FakeAnswer {
  const input = hookInput.safeParse(JSON.parse(call.request.body));
  if (!input.success) return unprocessable('the body is not a hook');
  const { type = '', active = false, config = {} } = input.data;
  const types = call.kind === 'forgejo' ? ['forgejo', 'gitea', 'slack'] : ['gitea', 'slack'];
  if (!types.includes(type)) return unprocessable('Invalid hook type');
  if (!/^https?:\/\//.test(config['url'] ?? '')) return unprocessable('Invalid url');
  const hook: FakeHook = {
    id: newNumber(call.world),
    type,
    url: config['url'] ?? '',
    secret: config['secret'] ?? '',
    contentType: config['content_type'] ?? '',
    events: knownEvents(input.data.events),
    active,
    branchFilter: input.data.branch_filter ?? '',
    authorization: input.data.authorization_header ?? '',
    at: call.world.now(),
  };
  hooks.push(hook);
  return { status: 201, body: hookBody(hook) };
}

function editHook(call: GiteaCall, hook: FakeHook): FakeAnswer {
  const input = hookInput.safeParse(JSON.parse(call.request.body));
  if (!input.success) return unprocessable('the body is not a hook');
  const { active, config = {} } = input.data;
  hook.url = config['url'] ?? hook.url;
  hook.contentType = config['content_type'] ?? hook.contentType;
  hook.events = knownEvents(input.data.events);
  hook.branchFilter = input.data.branch_filter ?? '';
  hook.authorization = input.data.authorization_header ?? '';
  hook.active = active ?? hook.active;
  return { status: 200, body: hookBody(hook) };
}

function knownEvents(events: readonly string[] = []): string[] {
  const known = events.filter((event) => EVENTS.includes(event));
  return events.length === 0 ? ['push'] : known;
}

function unprocessable(message: string): FakeAnswer {
  return { status: 422, body: { message } };
}
