import type { Tx } from '../db/dialect.ts';
import { columnsOf, fromRow } from '../db/rows.ts';
import type { TeamRole } from './role.ts';

/** What an organization lets a team of its forge do. */
export interface TeamRoleRecord {
  teamId: string;
  /** As the forge called it when it was set. */
  teamName: string;
  role: TeamRole;
}

export async function teamRolesOf(tx: Tx, organizationId: string): Promise<TeamRoleRecord[]> {
  const rows = await tx('team_roles')
    .where({ organization_id: organizationId })
    .orderBy('team_id')
    .select(columnsOf('teamId', 'teamName', 'role'));
  return rows.map((row) => fromRow<TeamRoleRecord>(row));
}

export async function replaceTeamRoles(
  tx: Tx,
  organizationId: string,
  roles: readonly TeamRoleRecord[],
  made: { at: string; by: string },
): Promise<void> {
  await tx('team_roles').where({ organization_id: organizationId }).delete();
  const rows = roles.map(({ teamId, teamName, role }) => ({
    ...{ organization_id: organizationId, team_id: teamId, team_name: teamName, role },
    ...{ created_at: made.at, created_by: made.by },
  }));
  if (rows.length > 0) await tx('team_roles').insert(rows);
}
