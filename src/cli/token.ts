import { CLI_ACTOR } from '../accounts/actor.ts';
import { SCOPES, type Scope, scopeInWords } from '../accounts/scope.ts';
import { type ApiToken, tokenState } from '../accounts/token.ts';
import { createToken, listTokens, revokeToken } from '../accounts/tokens.ts';
import { DAY, toIso } from '../clock.ts';
import { requireOrganization } from '../forge/forge-reads.ts';
import { type Command, EXIT, listOf, required, textOf, UsageError, type Values } from './command.ts';
import { withCore } from './session.ts';
import { shortTime, table } from './table.ts';

const LONGEST_SCOPE = Math.max(...SCOPES.map(({ length }) => length)) + 2;

export const tokenCreate: Command = {
  name: 'token create',
  summary: 'Makes an API token for a shop, a gateway or CI, and shows it this once.',
  usage: '--name shop --scopes payments:write,licenses:read [--organization acme [--product hello]] [--expires 90d]',
  help: [
    '--scopes         all, or some of these:',
    ...SCOPES.map((scope) => `  ${scope.padEnd(LONGEST_SCOPE)}${scopeInWords(scope)}`),
    '--organization   good for this one only; for all otherwise',
    '--expires        a number of days (90d), a day or an instant; never otherwise',
  ],
  options: {
    name: { type: 'string' },
    scopes: { type: 'string' },
    organization: { type: 'string' },
    expires: { type: 'string' },
  },
  async run(call) {
    const name = required(textOf(call.values, 'name'), '--name');
    const scopes = scopesSaid(call.values);
    return withCore(call, 'database', async (core) => {
      const now = core.clock();
      const slug = textOf(call.values, 'organization');
      const organization = slug === undefined ? null : await requireOrganization(core.db, slug);
      const wish = { name, organizationId: organization?.id ?? null, scopes, expiresAt: expiresSaid(call.values, now) };
      const { token, text } = await createToken(core, wish, CLI_ACTOR, now);
      call.io.json({ token: text, ...tokenView(token, now) });
      call.io.say(text);
      return EXIT.ok;
    });
  },
};

function scopesSaid(values: Values): Scope[] {
  const names = listOf(values, 'scopes');
  required(names[0], '--scopes');
  if (names.length === 1 && names[0] === 'all') return [...SCOPES];
  return names.map((name) => {
    const scope = SCOPES.find((each) => each === name);
    if (scope === undefined) throw new UsageError(`there is no scope "${name}"; there are ${SCOPES.join(', ')}`);
    return scope;
  });
}

function expiresSaid(values: Values, now: number): number | null {
  const text = textOf(values, 'expires');
  if (text === undefined) return null;
  const days = /^(\d{1,5})d$/.exec(text)?.[1];
  if (days !== undefined) return now + Number(days) * DAY;
  const at = /^\d{4}-\d{2}-\d{2}($|T.*(Z|[+-]\d{2}:\d{2})$)/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at)) throw new UsageError('--expires is like 90d, 2027-01-31 or 2027-01-31T12:00:00Z');
  return at;
}

function tokenView(token: ApiToken, now: number) {
  const { id, name, hint, organizationId, scopes, expiresAt, revokedAt, createdAt, createdBy } = token;
  return {
    ...{ id, name, hint, organization_id: organizationId, scopes, state: tokenState(token, toIso(now)) },
    ...{ expires_at: expiresAt, revoked_at: revokedAt, created_at: createdAt, created_by: createdBy },
  };
}

export const tokenList: Command = {
  name: 'token list',
  summary: 'The API tokens, without their texts.',
  usage: '[--organization acme]',
  options: { organization: { type: 'string' } },
  async run(call) {
    return withCore(call, 'database', async (core) => {
      const slug = textOf(call.values, 'organization');
      const organization = slug === undefined ? null : await requireOrganization(core.db, slug);
      const now = core.clock();
      const tokens = await listTokens(core, organization?.id ?? null);
      call.io.json({ tokens: tokens.map((token) => tokenView(token, now)) });
      const rows = tokens.map((token) => [
        ...[token.id, token.name, token.hint, tokenState(token, toIso(now)), shortTime(token.expiresAt)],
        token.scopes.length === SCOPES.length ? 'all' : token.scopes.join(','),
      ]);
      const heading = ['id', 'name', 'token', 'state', 'expires', 'scopes'];
      call.io.say(rows.length === 0 ? 'There is no API token.' : table([heading, ...rows]));
      return EXIT.ok;
    });
  },
};

export const tokenRevoke: Command = {
  name: 'token revoke',
  summary: 'Makes an API token useless at once.',
  usage: '<id>',
  async run(call) {
    const id = required(call.positionals[0], 'the id of the token');
    return withCore(call, 'database', async (core) => {
      const token = await revokeToken(core, id, CLI_ACTOR, core.clock());
      call.io.json(tokenView(token, core.clock()));
      call.io.say(`${token.name} (${token.hint}) is revoked.`);
      return EXIT.ok;
    });
  },
};
