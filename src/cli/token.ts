import { CLI_ACTOR } from '../accounts/actor.ts';
import { SCOPES, type Scope, scopeInWords } from '../accounts/scope.ts';
import { type ApiToken, tokenState } from '../accounts/token.ts';
import { tokenView } from '../accounts/token-view.ts';
import { createToken, listTokens, revokeToken, rotateToken } from '../accounts/tokens.ts';
import type { Core } from '../app.ts';
import { DAY, HOUR, toIso } from '../clock.ts';
import { forgeOverviews, requireOrganization } from '../forge/forge-reads.ts';
import { productPath } from '../releases/product.ts';
import { listProducts, requireProduct } from '../releases/product-reads.ts';
import { type Command, EXIT, listOf, numberOf, required, textOf, UsageError, type Values } from './command.ts';
import { withCore } from './session.ts';
import { shortTime, table } from './table.ts';

const LONGEST_SCOPE = Math.max(...SCOPES.map(({ length }) => length)) + 2;

export const tokenCreate: Command = {
  name: 'token create',
  summary: 'Makes an API token for a shop, a gateway or CI, and shows it this once.',
  usage:
    '--name shop --scopes payments:write,licenses:read [--organization acme | --product acme/hello] [--expires 90d]',
  help: [
    '--scopes         all, or some of these:',
    ...SCOPES.map((scope) => `  ${scope.padEnd(LONGEST_SCOPE)}${scopeInWords(scope)}`),
    '--organization   good for this one only; for all otherwise',
    '--product        good for this one product only, by name or id',
    '--expires        a number of days (90d), a day or an instant; never otherwise',
  ],
  options: {
    name: { type: 'string' },
    scopes: { type: 'string' },
    organization: { type: 'string' },
    product: { type: 'string' },
    expires: { type: 'string' },
  },
  async run(call) {
    const name = required(textOf(call.values, 'name'), '--name');
    const scopes = scopesSaid(call.values);
    return withCore(call, 'database', async (core) => {
      const now = core.clock();
      const wish = {
        name,
        ...(await bindingSaid(core, call.values)),
        scopes,
        expiresAt: expiresSaid(call.values, now),
      };
      const { token, text } = await createToken(core, wish, CLI_ACTOR, now);
      call.io.json({ token: text, ...tokenView(token, now) });
      call.io.say(text);
      return EXIT.ok;
    });
  },
};

async function bindingSaid(core: Core, values: Values) {
  const slug = textOf(values, 'organization');
  const path = textOf(values, 'product');
  const organization = slug === undefined ? null : await requireOrganization(core.db, slug);
  const product = path === undefined ? null : await requireProduct(core.db, path);
  if (organization && product && product.organizationId !== organization.id)
    throw new UsageError(`${path} is no product of ${slug}`);
  return { organizationId: product?.organizationId ?? organization?.id ?? null, productId: product?.id ?? null };
}

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
  if (text === undefined || text === 'never') return null;
  const days = /^(\d{1,5})d$/.exec(text)?.[1];
  if (days !== undefined) return now + Number(days) * DAY;
  const at = /^\d{4}-\d{2}-\d{2}($|T.*(Z|[+-]\d{2}:\d{2})$)/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at)) throw new UsageError('--expires is like 90d, 2027-01-31, 2027-01-31T12:00:00Z or never');
  return at;
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
      const bound = await bindingWords(core);
      const rows = tokens.map((token) => [
        ...[token.id, token.name, token.hint, stateWords(token, now), shortTime(token.expiresAt)],
        ...[shortTime(token.lastUsedAt), bound(token)],
        token.scopes.length === SCOPES.length ? 'all' : token.scopes.join(','),
      ]);
      const heading = ['id', 'name', 'token', 'state', 'expires', 'last used', 'for', 'scopes'];
      call.io.say(rows.length === 0 ? 'There is no API token.' : table([heading, ...rows]));
      return EXIT.ok;
    });
  },
};

function stateWords(token: ApiToken, now: number): string {
  const state = tokenState(token, toIso(now));
  return state === 'active' && token.replacedBy !== null ? 'replaced' : state;
}

/** What a token is good for: an organization, a product, or all. */
async function bindingWords({ db }: Core): Promise<(token: ApiToken) => string> {
  const organizations = (await forgeOverviews(db)).flatMap((each) => each.organizations);
  const products = await listProducts(db, null, true);
  return ({ organizationId, productId }) => {
    const product = products.find(({ id }) => id === productId);
    if (product) return productPath(product);
    return organizationId === null ? 'all' : (organizations.find(({ id }) => id === organizationId)?.slug ?? '-');
  };
}

export const tokenRotate: Command = {
  name: 'token rotate',
  summary: 'Makes a token in the place of one, which goes on for a while, and shows it this once.',
  usage: '<id> [--overlap 24] [--expires 90d]',
  help: [
    '--overlap   hours for which the old one goes on: 24, or 0 to 720',
    '--expires   of the new one: a number of days (90d), a day, an instant, or never; required where the old one has an end',
  ],
  options: { overlap: { type: 'string' }, expires: { type: 'string' } },
  async run(call) {
    const id = required(call.positionals[0], 'the id of the token');
    const hours = numberOf(call.values, 'overlap') ?? 24;
    if (hours > 720) throw new UsageError('--overlap is at most 720 hours');
    return withCore(call, 'database', async (core) => {
      const now = core.clock();
      const isSaid = textOf(call.values, 'expires') !== undefined;
      const ends = { overlapMs: hours * HOUR, expiresAt: isSaid ? expiresSaid(call.values, now) : undefined };
      const { token, text } = await rotateToken(core, id, ends, CLI_ACTOR, now);
      call.io.json({ token: text, ...tokenView(token, now) });
      call.io.say(text);
      call.io.note(`The token before it goes on for ${hours} hours.`);
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
