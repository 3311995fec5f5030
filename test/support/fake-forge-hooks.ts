import { createHmac, randomUUID } from 'node:crypto';
import type { FakeEvent, FakeHook, FakeWorld } from './fake-forge-world.ts';

/** One delivery that a dialect wants to send; `event` is also what a hook must have chosen to hear it. */
export interface FakeMessage {
  event: string;
  body: unknown;
  /** Hooks of the repository hear it too; false: only those of the owner and the system. */
  repositoryHears: boolean;
}

type HookTarget = 'repository' | 'organization' | 'system';

/** A delivery as it was sent, and what came back: a status, or an error's text. */
export interface FakeDelivery {
  id: string;
  event: string;
  hook: FakeHook;
  target: HookTarget;
  headers: Record<string, string>;
  body: string;
  outcome: number | string;
}

export interface HookDialect {
  messagesOf(event: FakeEvent, world: FakeWorld): FakeMessage[];
  headersOf(message: {
    id: string;
    event: string;
    body: string;
    hook: FakeHook;
    target: HookTarget;
  }): Record<string, string>;
  /** The text that is sent and signed. */
  textOf(body: unknown): string;
  /** GitHub sends the same id again, Gitea a new one. */
  redeliversSameId: boolean;
  timeoutMs: number;
}

/** Everything that the dialect sends for an event: one delivery a hook, each with an id of its own. */
function deliveriesOf(dialect: HookDialect, world: FakeWorld, event: FakeEvent): FakeDelivery[] {
  const owner = world.owners.get(event.repository.owner.toLowerCase());
  const deliveries: FakeDelivery[] = [];
  for (const message of dialect.messagesOf(event, world)) {
    const listeners: [HookTarget, FakeHook[]][] = [
      ['repository', message.repositoryHears ? event.repository.hooks : []],
      ['organization', owner?.hooks ?? []],
      ['system', world.systemHooks],
    ];
    for (const [target, hooks] of listeners) {
      for (const hook of hooks) {
        if (!hook.active || !hook.events.includes(message.event)) continue;
        deliveries.push(deliveryOf(dialect, message.event, dialect.textOf(message.body), hook, target, randomUUID()));
      }
    }
  }
  return deliveries;
}

function deliveryOf(
  dialect: HookDialect,
  event: string,
  body: string,
  hook: FakeHook,
  target: HookTarget,
  id: string,
): FakeDelivery {
  const headers = dialect.headersOf({ id, event, body, hook, target });
  if (hook.authorization !== '') headers['Authorization'] = hook.authorization;
  return { id, event, hook, target, headers, body, outcome: 'not sent' };
}

/** One attempt, no retry, redirects are failures. The hook's own content type decides what wraps the JSON. */
async function send(delivery: FakeDelivery, timeoutMs: number, allowed: (url: URL) => boolean): Promise<void> {
  if (!allowed(new URL(delivery.hook.url))) {
    delivery.outcome = 'not allowed';
    return;
  }
  const isForm = delivery.hook.contentType === 'form';
  try {
    const response = await fetch(delivery.hook.url, {
      method: 'POST',
      headers: {
        ...delivery.headers,
        'Content-Type': isForm ? 'application/x-www-form-urlencoded' : 'application/json',
      },
      body: isForm ? new URLSearchParams({ payload: delivery.body }).toString() : delivery.body,
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });
    await response.arrayBuffer();
    delivery.outcome = response.status;
  } catch (error) {
    delivery.outcome = error instanceof Error ? error.name : 'failed';
  }
}

export function hexHmac(algorithm: 'sha1' | 'sha256', secret: string, body: string): string {
  return secret === '' ? '' : createHmac(algorithm, secret).update(body).digest('hex');
}

/** Sends what acts cause, at once or when it is told to. */
export function createPost(world: FakeWorld, dialect: HookDialect) {
  const deliveries: FakeDelivery[] = [];
  let held: FakeDelivery[] | null = null;
  let allowed = (_url: URL) => true;

  async function settle(): Promise<void> {
    const due = world.events.splice(0).flatMap((event) => deliveriesOf(dialect, world, event));
    if (held) held.push(...due);
    else await sendAll(due);
  }

  async function sendAll(due: readonly FakeDelivery[]): Promise<void> {
    for (const delivery of due) {
      deliveries.push(delivery);
      await send(delivery, dialect.timeoutMs, allowed);
    }
  }

  return {
    deliveries,
    settle,
    /** As the operator's ALLOWED_HOST_LIST does. */
    allowHooksTo: (rule: (url: URL) => boolean) => {
      allowed = rule;
    },
    holdDeliveries: () => {
      held ??= [];
    },
    async releaseDeliveries(order: 'as sent' | 'reversed' = 'as sent'): Promise<void> {
      const due = held ?? [];
      held = null;
      await sendAll(order === 'reversed' ? due.toReversed() : due);
    },
    /** By hand, as in the forge's pages: the same body, signed with the hook's secret of now. */
    async redeliver(delivery: FakeDelivery): Promise<FakeDelivery> {
      const id = dialect.redeliversSameId ? delivery.id : randomUUID();
      const again = deliveryOf(dialect, delivery.event, delivery.body, delivery.hook, delivery.target, id);
      await sendAll([again]);
      return again;
    },
  };
}
