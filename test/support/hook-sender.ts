import { createHmac, randomUUID } from 'node:crypto';
import { hookSecretsOf } from '../../src/forge/connections.ts';
import { findForge } from '../../src/forge/store.ts';
import type { TestCore } from './core.ts';

export interface SentHook {
  event?: string;
  id?: string;
  /** An object is sent as JSON, as Gitea writes it; a text as it stands. */
  body?: object | string | Buffer;
  /** What it is signed with; null: the headers are there and empty, as Gitea sends them without a secret. */
  secret?: string | null;
  headers?: Record<string, string>;
}

export interface HookAnswer {
  status: number;
  state: string | undefined;
  detail: string | undefined;
  code: string | undefined;
}

/** A delivery with all the headers of a Gitea, to be spoiled where a test wants it. */
export async function sendHook(url: string, forgeId: string, hook: SentHook): Promise<HookAnswer> {
  const { event = 'release', id = randomUUID(), body = {}, secret = '' } = hook;
  const text = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body, null, 2);
  const digest = secret === null ? '' : createHmac('sha256', secret).update(text).digest('hex');
  const headers: Record<string, string> = {
    'Content-Type': 'application/json',
    'X-Hub-Signature-256': `sha256=${digest}`,
  };
  for (const family of ['GitHub', 'Gitea', 'Gogs']) {
    headers[`X-${family}-Delivery`] = id;
    headers[`X-${family}-Event`] = event;
    if (family !== 'GitHub') headers[`X-${family}-Signature`] = digest;
  }
  const address = `${url}/hooks/${forgeId}`;
  const answer = await fetch(address, {
    method: 'POST',
    headers: { ...headers, ...hook.headers },
    body: new Uint8Array(Buffer.from(text)),
  });
  return read(answer);
}

export async function read(answer: Response): Promise<HookAnswer> {
  const text = await answer.text();
  const { state, detail, code } = (text.startsWith('{') ? JSON.parse(text) : {}) as Partial<HookAnswer>;
  return { status: answer.status, state, detail, code };
}

/** The newest secret that the forge's hooks sign with. */
export async function secretOf({ core }: TestCore, forgeId: string): Promise<string> {
  const forge = await core.db.read((tx) => findForge(tx, forgeId));
  return forge ? (hookSecretsOf(core.forge, forge)[0] ?? '') : '';
}
