import { audit } from '../audit/audit.ts';
import { toIso } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import type { Tx } from '../db/dialect.ts';
import { type FieldError, problem } from '../errors.ts';
import { RECONCILE } from '../forge/hooks.ts';
import {
  findOrganization,
  findRepository,
  listRepositories,
  lockOrganization,
  type OrganizationRecord,
  type RepositoryRecord,
  updateOrganization,
  updateRepository,
} from '../forge/store.ts';
import { enqueue } from '../jobs/store.ts';
import type { By } from '../licensing/keys.ts';
import { usersOfChannels } from './channel-users.ts';
import type { ChannelUsers } from './channel-view.ts';
import { channelsOf } from './channels.ts';
import { productPath } from './product.ts';
import {
  type OrganizationTagRules,
  type RepositoryTagRules,
  repositoryTagRulesSchema,
  tagRulesSchema,
} from './tag-rules.ts';

/** What was set, with the defaults of what was not. `repository` is null where no repository is asked for. */
interface ReadRules<R extends RepositoryRecord | null = RepositoryRecord | null> {
  organization: OrganizationTagRules;
  repository: R extends null ? null : RepositoryTagRules;
}

/** The rules of an organization, and those of one of its repositories. */
export function readRules<R extends RepositoryRecord | null>(level: {
  organization: Pick<OrganizationRecord, 'rules'>;
  repository: R;
}): ReadRules<R> {
  const { organization, repository } = level;
  const own = repository === null ? null : repositoryTagRulesSchema.parse(JSON.parse(repository.rules));
  return {
    organization: tagRulesSchema.parse(JSON.parse(organization.rules)),
    repository: own as ReadRules<R>['repository'],
  };
}

/**
 * Replaces the rules of an organization; all its repositories are looked at again. Throws STILL_IN_USE where a channel would go
 * that a package, as it is sold now, or the open channels of a product, a retired one too, still name. What a repository says of
 * such a channel has no effect from then on and needs no change.
 */
export async function changeOrganizationRules(
  db: Db,
  id: string,
  rules: OrganizationTagRules,
  by: By,
): Promise<OrganizationTagRules> {
  await db.tx(async (tx) => {
    const organization = await lockedOrganization(tx, id);
    const before = readRules({ organization, repository: null }).organization;
    const changes = changesOf(before, rules);
    if (Object.keys(changes).length === 0) return;
    await refuseLosses(tx, organization, rules);
    await updateOrganization(tx, id, { rules: JSON.stringify(rules) });
    for (const repository of await listRepositories(tx, id)) await lookAgain(tx, repository.id, by.now);
    const event = { actor: by.actor, action: 'organization.rules', entity: 'organization', entityId: id, changes };
    await audit(tx, { ...event, requestId: by.requestId }, by.now);
  });
  return rules;
}

/** Replaces what a repository adds to the rules of its organization. Throws INVALID_REQUEST for a channel that there is not. */
export async function changeRepositoryRules(
  db: Db,
  { organizationId, id }: Pick<RepositoryRecord, 'id' | 'organizationId'>,
  rules: RepositoryTagRules,
  by: By,
): Promise<RepositoryTagRules> {
  await db.tx(async (tx) => {
    const organization = await lockedOrganization(tx, organizationId);
    const repository = await findRepository(tx, id);
    if (!repository) throw problem('NOT_FOUND', 'there is no such repository');
    requireKnown(organization, rules);
    const changes = changesOf(readRules({ organization, repository }).repository, rules);
    if (Object.keys(changes).length === 0) return;
    await updateRepository(tx, id, { rules: JSON.stringify(rules) });
    await lookAgain(tx, id, by.now);
    const event = { actor: by.actor, action: 'repository.rules', entity: 'repository', entityId: id, changes };
    await audit(tx, { ...event, requestId: by.requestId }, by.now);
  });
  return rules;
}

/** Changes of rules take turns, so that what one of them relies on is still so when it is written. */
async function lockedOrganization(tx: Tx, id: string): Promise<OrganizationRecord> {
  await lockOrganization(tx, id);
  const organization = await findOrganization(tx, id);
  if (!organization) throw problem('NOT_FOUND', 'there is no such organization');
  return organization;
}

const NAMED_USERS = 5;

async function refuseLosses(tx: Tx, organization: OrganizationRecord, next: OrganizationTagRules): Promise<void> {
  const kept = new Set(channelsOf(JSON.stringify(next)));
  const lost = channelsOf(organization.rules).filter((channel) => !kept.has(channel));
  if (lost.length === 0) return;
  const usersOf = await usersOfChannels(tx, organization);
  for (const channel of lost) {
    const users = inWords(usersOf(channel));
    if (users.length === 0) continue;
    const named = users.slice(0, NAMED_USERS).join(', ');
    const more = users.length > NAMED_USERS ? ` and ${users.length - NAMED_USERS} more` : '';
    throw problem('STILL_IN_USE', `the channel "${channel}" cannot go, it is named by ${named}${more}`);
  }
}

function inWords({ packages, products, newProducts }: ChannelUsers): string[] {
  return [
    ...packages.map(({ name }) => `the package "${name}"`),
    ...products.map((product) => `the open channels of ${productPath(product)}`),
    ...(newProducts ? ['the open channels of new products'] : []),
  ];
}

function requireKnown({ rules }: OrganizationRecord, { tags, prerelease }: RepositoryTagRules): void {
  const known = channelsOf(rules);
  const detail = `is no channel of the organization; it has ${known.join(', ')}`;
  const errors: FieldError[] = Object.keys(tags)
    .filter((channel) => !known.includes(channel))
    .map((channel) => ({ pointer: `/tags/${channel}`, detail }));
  if (prerelease !== null && !known.includes(prerelease)) errors.push({ pointer: '/prerelease', detail });
  if (errors.length > 0) throw problem('INVALID_REQUEST', 'a channel is not known', { errors });
}

/** Field by field as JSON, empty where nothing differs. */
function changesOf<T extends object>(before: T, after: T): Record<string, { from: string; to: string }> {
  const was = new Map<string, unknown>(Object.entries(before));
  const fields = Object.entries(after).map(
    ([name, value]) => [name, { from: JSON.stringify(was.get(name)), to: JSON.stringify(value) }] as const,
  );
  return Object.fromEntries(fields.filter(([, { from, to }]) => from !== to));
}

function lookAgain(tx: Tx, repositoryId: string, now: number): Promise<void> {
  return enqueue(tx, { kind: RECONCILE, subject: repositoryId, runAt: toIso(now) }, toIso(now));
}
