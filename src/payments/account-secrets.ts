import { type FieldError, problem } from '../errors.ts';
import type { SettingsChange } from './account-view.ts';
import type { Gateway, GatewayAccount, Mode } from './gateway.ts';

/** What may be changed of an account; what is left out stays. */
export interface AccountChange {
  /** Those that are named take the place of the old ones. */
  credentials?: Readonly<Record<string, string>> | undefined;
  /** One more that may have signed a delivery. */
  add_hook_secret?: string | undefined;
  /** From now on only the newest counts. */
  drop_old_hook_secrets?: boolean | undefined;
  hook_id?: string | null | undefined;
  settings?: SettingsChange | undefined;
  active?: boolean | undefined;
}

type OpenSecrets = Pick<GatewayAccount, 'credentials' | 'hookSecrets'>;

/** So many are tried on each delivery at most. */
export const MOST_HOOK_SECRETS = 5;

/** The secrets of an account after a change, and what the audit may tell of it: how many, never which. null: they stay. */
export function changedSecrets(
  gateway: Gateway,
  mode: Mode,
  before: OpenSecrets,
  { credentials: fresh, add_hook_secret: added, drop_old_hook_secrets: drop = false }: AccountChange,
): { secrets: OpenSecrets | null; changes: Record<string, string | { from: number; to: number }> } {
  if (fresh === undefined && added === undefined && !drop) return { secrets: null, changes: {} };
  const credentials = fresh ? credentialsOf(gateway, { ...before.credentials, ...fresh }) : before.credentials;
  if (fresh) refuseForeignMode(gateway, mode, credentials);
  const hookSecrets = changedHookSecrets(before.hookSecrets, added, drop);
  const count = { from: before.hookSecrets.length, to: hookSecrets.length };
  return {
    secrets: { credentials, hookSecrets },
    changes: {
      ...(fresh ? { credentials: Object.keys(fresh).sort().join(', ') } : {}),
      ...(added !== undefined || count.from !== count.to ? { hook_secrets: count } : {}),
    },
  };
}

function changedHookSecrets(before: readonly string[], added: string | undefined, drop: boolean): string[] {
  const fresh = added === undefined ? [] : [secretOf(added, '/add_hook_secret')];
  const all = [...fresh, ...before.filter((each) => each !== added)];
  if (drop) return all.slice(0, 1);
  if (all.length > MOST_HOOK_SECRETS)
    throw refusal('/add_hook_secret', `at most ${MOST_HOOK_SECRETS} count at once; drop the old ones`);
  return all;
}

/** As the gateway wants them; every fault is told by its field, and no fault repeats a value. */
export function credentialsOf(gateway: Gateway, given: Readonly<Record<string, string>>): Record<string, string> {
  const wanted = Object.keys(gateway.credentials.shape);
  const faults: FieldError[] = Object.keys(given)
    .filter((name) => !wanted.includes(name))
    .map((name) => ({ pointer: `/credentials/${name}`, detail: `is nothing that ${gateway.title} asks for` }));
  for (const name of wanted) {
    const parsed = gateway.credentials.shape[name]?.safeParse(given[name]);
    const pointer = `/credentials/${name}`;
    if (given[name] === undefined) faults.push({ pointer, detail: 'is missing' });
    else if (!parsed?.success) faults.push({ pointer, detail: parsed?.error.issues[0]?.message ?? 'is not valid' });
    else if (!isOneWord(given[name])) faults.push({ pointer, detail: 'must be one word, without spaces and newlines' });
  }
  if (faults.length === 0) return { ...given };
  const words = faults.map(({ pointer, detail }) => `${pointer}: ${detail}`).join('; ');
  throw problem('INVALID_REQUEST', words, { errors: faults });
}

/** Money of live and of test mode never meets, so a key of the other mode is refused where it shows its mode. */
export function refuseForeignMode(gateway: Gateway, mode: Mode, credentials: Readonly<Record<string, string>>): void {
  const own = gateway.modeOf?.(credentials) ?? null;
  if (own === null || own === mode) return;
  throw refusal('/credentials', `are of ${own} mode, and the account is for ${mode} mode`);
}

/** A newline that slipped in would make every delivery look forged. Throws INVALID_REQUEST. */
export function secretOf(text: string, pointer: string): string {
  if (!isOneWord(text)) throw refusal(pointer, 'must be one word, without spaces and newlines');
  return text;
}

function isOneWord(text: string): boolean {
  return /^\S+$/.test(text);
}

function refusal(pointer: string, detail: string) {
  return problem('INVALID_REQUEST', `${pointer}: ${detail}`, { errors: [{ pointer, detail }] });
}
