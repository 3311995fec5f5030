import { audit } from '../audit/audit.ts';
import type { AuditChanges } from '../audit/changes.ts';
import { toIso } from '../clock.ts';
import type { Tx } from '../db/dialect.ts';
import { problem } from '../errors.ts';
import { remoteOwner } from '../forge/connect.ts';
import { connectionOf, type ForgeDeps } from '../forge/connections.ts';
import type { ForgeConnection } from '../forge/forge.ts';
import type { ForgePeople, RemoteOwner } from '../forge/people.ts';
import {
  type ForgeRecord,
  findForge,
  findOrganization,
  findOrganizationByOwner,
  listRepositories,
  lockOrganization,
  type OrganizationRecord,
  updateOrganization,
} from '../forge/store.ts';
import type { By } from '../licensing/keys.ts';
import { SYSTEM_ACTOR } from './actor.ts';
import { replaceTeamRoles, teamRolesOf } from './store-team-roles.ts';

/** `taken`: somebody else has the name now. `gone`: nobody has it, or it is not shown. Both: the owner is not to be found. */
export type OwnerAnswer = { kind: 'found'; owner: RemoteOwner } | { kind: 'taken' | 'gone' };

export interface OwnerDeps {
  forge: ForgeDeps;
  /** Told once, when an owner is lost. */
  onOwnerLost(organization: OrganizationRecord, why: 'taken' | 'gone'): void;
}

/** How many repositories are asked for their owner where a name alone does not tell. */
const MOST_ASKED = 10;

/**
 * Who the owner of an organization is now. A name can be given up and taken by a stranger, an id cannot: only the owner of the id
 * that was noted counts, whatever he is called. Notes the id the first time, another name, and that the owner is lost or back.
 * Throws ForgeTrouble.
 */
export async function findOwner(
  deps: OwnerDeps,
  forge: ForgeRecord,
  organization: OrganizationRecord,
  now: number,
): Promise<OwnerAnswer> {
  const people = deps.forge.drivers[forge.kind].people;
  if (people === null) return { kind: 'gone' };
  const at = connectionOf(deps.forge, forge);
  const ownersOfRepositories = () => askRepositories(deps.forge, people, at, organization.id);
  const answer = await askForOwner(people, at, organization, ownersOfRepositories);
  if (isNews(organization, answer) && (await noteAnswer(deps.forge, organization, answer, now)))
    deps.onOwnerLost(organization, answer.kind === 'taken' ? 'taken' : 'gone');
  return answer;
}

async function askForOwner(
  people: ForgePeople,
  at: ForgeConnection,
  { owner, ownerId: id }: OrganizationRecord,
  ownersOfRepositories: () => Promise<RemoteOwner[]>,
): Promise<OwnerAnswer> {
  const named = await people.owner(at, owner);
  const lost = { kind: named === null ? 'gone' : 'taken' } as const;
  if (named !== null && named.id === id) return { kind: 'found', owner: named };
  if (id === null) {
    // Repositories that were connected when the name was the right one must bear it out.
    const others = named === null ? [] : await ownersOfRepositories();
    const isRight = named !== null && (others.length === 0 || others.some((each) => each.id === named.id));
    return isRight ? { kind: 'found', owner: named } : lost;
  }
  const found = people.ownerById
    ? await people.ownerById(at, id)
    : ((await ownersOfRepositories()).find((each) => each.id === id) ?? null);
  return found === null ? lost : { kind: 'found', owner: found };
}

async function askRepositories(
  { db }: ForgeDeps,
  people: ForgePeople,
  at: ForgeConnection,
  organizationId: string,
): Promise<RemoteOwner[]> {
  const repositories = await db.read((tx) => listRepositories(tx, organizationId));
  const asked = repositories.slice(0, MOST_ASKED).map((each) => people.ownerOfRepository(at, { id: each.remoteId }));
  return (await Promise.all(asked)).flatMap((owner) => owner ?? []);
}

function isNews({ owner, ownerId, ownerLostSince }: OrganizationRecord, answer: OwnerAnswer): boolean {
  if (answer.kind !== 'found') return ownerLostSince === null;
  return ownerLostSince !== null || ownerId === null || !isSameName(owner, answer.owner.name);
}

/** True: the owner is lost from now on. What somebody else changed meanwhile stays. */
async function noteAnswer(
  { db }: ForgeDeps,
  { id, owner, ownerId }: OrganizationRecord,
  answer: OwnerAnswer,
  now: number,
): Promise<boolean> {
  return db.tx(async (tx) => {
    await lockOrganization(tx, id);
    const before = await findOrganization(tx, id);
    if (before?.owner !== owner || before.ownerId !== ownerId || !isNews(before, answer)) return false;
    if (answer.kind !== 'found') {
      await updateOrganization(tx, id, { ownerLostSince: toIso(now) });
      await note(tx, id, 'organization.owner_lost', { owner, why: answer.kind }, now);
      return true;
    }
    const { owner: found } = answer;
    await updateOrganization(tx, id, { ownerId: found.id, ownerLostSince: null });
    const idChange = { owner_id: { from: ownerId, to: found.id } };
    if (ownerId === null) await note(tx, id, 'organization.owner_noted', idChange, now);
    else if (before.ownerLostSince !== null) await note(tx, id, 'organization.owner_found', { owner: found.name }, now);
    if (isSameName(owner, found.name) || (await findOrganizationByOwner(tx, before.forgeId, found.name))) return false;
    await updateOrganization(tx, id, { owner: found.name });
    await note(tx, id, 'organization.owner_renamed', { owner: { from: owner, to: found.name } }, now);
    return false;
  });
}

function note(tx: Tx, entityId: string, action: string, changes: AuditChanges, now: number): Promise<void> {
  return audit(tx, { actor: SYSTEM_ACTOR, action, entity: 'organization', entityId, changes, requestId: null }, now);
}

/**
 * Gives an organization another owner on its forge, because the operator says so. Team roles go where it is another one by id:
 * they were given to teams of the one before. Throws NOT_FOUND for a name that nobody has, ALREADY_EXISTS for an owner that
 * another organization has.
 */
export async function setOwner(
  deps: ForgeDeps,
  organizationId: string,
  name: string,
  by: By,
): Promise<OrganizationRecord> {
  const { forge } = await deps.db.read(async (tx) => {
    const organization = await findOrganization(tx, organizationId);
    return { forge: organization && (await findForge(tx, organization.forgeId)) };
  });
  if (!forge) throw problem('NOT_FOUND');
  const knowsPeople = deps.drivers[forge.kind].people !== null;
  const remote = knowsPeople ? await remoteOwner(deps, forge, name) : null;
  if (knowsPeople && remote === null)
    throw problem('NOT_FOUND', `${forge.name} knows no owner "${name}", or its token may not see it`);
  const owner = remote?.name ?? name;
  const ownerId = remote?.id ?? null;
  return deps.db.tx(async (tx) => {
    await lockOrganization(tx, organizationId);
    const before = await findOrganization(tx, organizationId);
    if (!before) throw problem('NOT_FOUND');
    const other = await findOrganizationByOwner(tx, forge.id, owner);
    if (other !== null && other.id !== before.id)
      throw problem('ALREADY_EXISTS', `the organization ${other.slug} has this owner`);
    const after = { ...before, owner, ownerId, ownerLostSince: null };
    await updateOrganization(tx, before.id, { owner, ownerId, ownerLostSince: null });
    const isAnother = before.ownerId !== ownerId;
    const dropped = isAnother ? (await teamRolesOf(tx, before.id)).map(({ teamName }) => teamName) : [];
    if (isAnother) await replaceTeamRoles(tx, before.id, [], { at: toIso(by.now), by: by.actor.id });
    const changes = {
      owner: { from: before.owner, to: owner },
      owner_id: { from: before.ownerId, to: ownerId },
      team_roles_dropped: dropped,
    };
    const event = {
      actor: by.actor,
      action: 'organization.owner',
      entity: 'organization',
      entityId: before.id,
      changes,
    };
    await audit(tx, { ...event, requestId: by.requestId }, by.now);
    return after;
  });
}

function isSameName(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
