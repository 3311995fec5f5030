import { z } from 'zod';
import type { Db } from '../db/connect.ts';
import type { ForgeDeps } from '../forge/connections.ts';
import { type Route, route } from '../http/route.ts';
import { ORGANIZATION_LEVEL } from '../releases/level.ts';
import { TEAM_ROLES } from './role.ts';
import { readTeamRoles, setTeamRoles, type TeamRoles } from './team-roles.ts';

const MOST_TEAMS = 200;

const teamId = z.string().min(1).max(40).meta({ description: 'As the forge numbers it; it survives a rename' });
const role = z.enum(TEAM_ROLES).meta({
  description: '`viewer`: sees all; `support`: keys, sites, renewals too; `manager`: packages and keys too',
});

const TeamRolesView = z
  .object({
    team_roles: z.array(z.object({ team_id: teamId, team_name: z.string(), role })),
    teams: z
      .array(z.object({ id: z.string(), name: z.string() }))
      .nullable()
      .meta({
        description: 'The teams of the organization on its forge; null: it has none, or they could not be read',
      }),
    teams_trouble: z.string().nullable().meta({ description: 'Why the teams could not be read' }),
  })
  .meta({ id: 'TeamRoles' });

function teamRolesView({ roles, teams, trouble }: TeamRoles): z.input<typeof TeamRolesView> {
  const team_roles = roles.map((each) => ({ team_id: each.teamId, team_name: each.teamName, role: each.role }));
  return { team_roles, teams, teams_trouble: trouble };
}

/** What an organization lets the teams of its forge do. */
export function teamRoleRoutes({ db, forge }: { db: Db; forge: ForgeDeps }): Route[] {
  const common = {
    path: `${ORGANIZATION_LEVEL.path}/team-roles`,
    tag: 'organizations',
    scope: 'admin',
    role: 'admin',
    params: ORGANIZATION_LEVEL.params,
    answers: { 200: TeamRolesView },
  } as const;
  return [
    route({
      ...common,
      method: 'get',
      operationId: 'getTeamRoles',
      summary: 'What the teams of an organization may do, and which teams there are',
      problems: ['NOT_FOUND'],
      async handler({ params }, { actor }) {
        const { organization } = await ORGANIZATION_LEVEL.find(db, actor, params);
        return { status: 200, body: teamRolesView(await readTeamRoles(forge, organization)) };
      },
    }),
    route({
      ...common,
      method: 'put',
      operationId: 'setTeamRoles',
      summary: 'Sets what the teams of an organization may do',
      description:
        'Replaces all of it; it holds from the next request on. Owners of the organization and administrators of the forge need no team.',
      body: z.strictObject({ team_roles: z.array(z.strictObject({ team_id: teamId, role })).max(MOST_TEAMS) }),
      problems: ['NOT_FOUND', 'FORGE_TROUBLE'],
      async handler({ params, body }, context) {
        const { organization } = await ORGANIZATION_LEVEL.find(db, context.actor, params);
        return { status: 200, body: teamRolesView(await setTeamRoles(forge, organization, body.team_roles, context)) };
      },
    }),
  ];
}
