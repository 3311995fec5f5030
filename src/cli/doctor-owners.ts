import { findOwner } from '../accounts/owners.ts';
import type { Core } from '../app.ts';
import { ForgeTrouble } from '../errors.ts';
import { connectionOf } from '../forge/connections.ts';
import { type ForgeRecord, forgeOverviews, type OrganizationRecord } from '../forge/forge-reads.ts';
import type { ForgePeople } from '../forge/people.ts';
import { type Check, failed, ok, warning } from './doctor-check.ts';

/** Is each owner still who it was, and may Feedgate ask the forge who owns what? Else nobody has a role. */
export async function checkOwners(core: Core): Promise<Check[]> {
  const checks: Check[] = [];
  for (const { forge, organizations } of await forgeOverviews(core.db)) {
    const { people } = core.forge.drivers[forge.kind];
    // Of a forge that does not answer the check of forges told just now.
    if (people !== null && forge.checkError === null)
      for (const each of organizations) checks.push(await checkOwner(core, forge, people, each));
  }
  return checks;
}

async function checkOwner(
  core: Core,
  forge: ForgeRecord,
  people: ForgePeople,
  organization: OrganizationRecord,
): Promise<Check> {
  const { slug, owner } = organization;
  try {
    // The doctor tells it below.
    const deps = { forge: core.forge, onOwnerLost: () => undefined };
    const answer = await findOwner(deps, forge, organization, core.clock());
    if (answer.kind !== 'found') return lost(forge, organization, answer.kind);
    const { name } = answer.owner;
    const blind = await people.blindness(connectionOf(core.forge, forge), name);
    const other = `feedgate forge token set ${forge.name} --token-file FILE takes another token.`;
    if (blind !== null) return warning('owner', `${slug}: ${blind.detail}`, `${blind.fix}\n${other}`);
    const now = name.toLowerCase() === owner.toLowerCase() ? '' : ` (it was renamed from ${owner})`;
    return ok('owner', `${slug}: ${name} on ${forge.name}${now}, and its owners and teams can be asked for`);
  } catch (error) {
    if (!(error instanceof ForgeTrouble)) throw error;
    const fix =
      'Does the forge answer, and has the token the scopes read:user and read:organization (GitHub: read:org)?';
    return warning('owner', `${slug}: the forge could not be asked for ${owner}: ${error.message}`, fix);
  }
}

function lost(forge: ForgeRecord, { slug, owner, ownerId }: OrganizationRecord, why: 'taken' | 'gone'): Check {
  const choose = `feedgate organization owner ${slug} --owner NAME`;
  const nobody = 'Nobody has a role by it; site administrators and administrators of a repository keep theirs.';
  if (why === 'gone')
    return warning(
      'owner',
      `${slug}: ${forge.name} knows no "${owner}", or its token may not see it. ${nobody}`,
      `Let the token see it. If it was renamed or deleted, say who the owner is: ${choose}`,
    );
  const was =
    ownerId === null
      ? 'is not the owner of the repositories that are connected'
      : `belongs to somebody else than before (it was the id ${ownerId})`;
  return failed(
    'owner',
    `${slug}: the name "${owner}" on ${forge.name} ${was}. ${nobody}`,
    `If you know who has it now and want him to be the owner here: ${choose}`,
  );
}
