import { z } from 'zod';
import type { Db } from '../db/connect.ts';
import { problem } from '../errors.ts';
import { idParam } from '../http/id-param.ts';
import { pageOfAll } from '../http/page-of-all.ts';
import { pageBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Context, type Route, route } from '../http/route.ts';
import { organizationsOf } from '../releases/level.ts';
import { repositoriesOf } from './own-repositories.ts';
import type { RoleIn, Standings } from './people-roles.ts';
import type { SignedIn } from './person.ts';
import { holdsRole, Role } from './role.ts';
import { Scope } from './scope.ts';
import type { Session } from './session.ts';
import { endOtherSessions, endSession, sessionsOf } from './sessions.ts';

const MeView = z
  .object({
    kind: z.enum(['person', 'token']),
    id: z.string().meta({ description: 'As it stands in `created_by` and in the audit' }),
    name: z.string().nullable(),
    login: z.string().nullable().meta({ description: 'On the forge; null for a token' }),
    forge_id: z
      .string()
      .nullable()
      .meta({ description: 'Who vouches for the person; null for a token and the operator' }),
    session_id: z.string().nullable(),
    scopes: z.array(Scope).meta({ description: 'Of a token; a person has all of them, his role decides' }),
    organizations: z
      .array(z.object({ id: z.string(), slug: z.string(), name: z.string(), role: Role }))
      .meta({ description: 'Where the caller has a role on the organization as a whole' }),
    organizations_complete: z
      .boolean()
      .meta({ description: 'false: of some organizations the forge could not be asked for the role' }),
    repositories: z
      .array(z.object({ id: z.string(), organization_id: z.string(), organization: z.string(), name: z.string() }))
      .meta({
        description: 'Which a person administers in organizations where he is not `admin`; `organization` is the slug',
      }),
    repositories_complete: z
      .boolean()
      .meta({ description: 'false: of some repositories the forge could not be asked, or there are too many' }),
  })
  .meta({ id: 'Me' });

const SessionView = z
  .object({
    id: z.string(),
    current: z.boolean().meta({ description: 'The session that asks' }),
    agent: z.string().meta({ description: 'What the browser called itself' }),
    network: z.string().meta({ description: 'Where it was begun: the first 24 or 48 bits of the address' }),
    created_at: z.iso.datetime(),
    seen_at: z.iso.datetime().meta({ description: 'To within a few minutes' }),
    expires_at: z.iso.datetime().meta({ description: 'It may end earlier by not being used' }),
  })
  .meta({ id: 'Session' });

function sessionView(person: SignedIn) {
  return (session: Session): z.input<typeof SessionView> => ({
    ...{ id: session.id, current: session.id === person.sessionId, agent: session.agent, network: session.network },
    ...{ created_at: session.createdAt, seen_at: session.seenAt, expires_at: session.expiresAt },
  });
}

function organizationsView(roles: readonly RoleIn[]) {
  return roles.map(({ organization: { id, slug, name }, role }) => ({ id, slug, name, role }));
}

interface MeDeps {
  db: Db;
  standings: Standings;
}

/** Who calls, what he may do, and the sessions of a person. */
export function meRoutes({ db, standings }: MeDeps): Route[] {
  const common = { tag: 'me', scope: 'any', role: 'self' } as const;
  return [
    route({
      ...common,
      method: 'get',
      path: '/api/v1/me',
      operationId: 'getMe',
      summary: 'Who calls, and what he may do',
      answers: { 200: MeView },
      handler: async (_input, context) => ({ status: 200, body: await meView({ db, standings }, context) }),
    }),
    route({
      ...common,
      method: 'get',
      path: '/api/v1/me/sessions',
      operationId: 'listMySessions',
      summary: 'The sessions of the person who asks, the latest first',
      description: 'A token has none.',
      query: z.object(pageQuery('session')),
      answers: { 200: pageOf(SessionView) },
      async handler({ query }, { person, now }) {
        const all = person === null ? [] : await sessionsOf(db, person, now);
        const show = person === null ? noSession : sessionView(person);
        return { status: 200, body: pageBody(pageOfAll(all, query, 'newestFirst'), show) };
      },
    }),
    route({
      ...common,
      method: 'delete',
      path: '/api/v1/me/sessions',
      operationId: 'endMyOtherSessions',
      summary: 'Ends all sessions of the person who asks, but the one that asks',
      answers: { 200: z.object({ ended: z.number().int() }) },
      problems: ['FORBIDDEN'],
      async handler(_input, context) {
        return { status: 200, body: { ended: await endOtherSessions(db, personOf(context), context) } };
      },
    }),
    route({
      ...common,
      method: 'delete',
      path: '/api/v1/me/sessions/{id}',
      operationId: 'endMySession',
      summary: 'Ends one session of the person who asks; his own one signs him out',
      params: z.object({ id: idParam('session') }),
      answers: { 204: null },
      problems: ['NOT_FOUND', 'FORBIDDEN', 'WRONG_ID_KIND'],
      async handler({ params }, context) {
        await endSession(db, personOf(context), params.id, context);
        return { status: 204 };
      },
    }),
  ];
}

async function meView(
  { db, standings }: MeDeps,
  { actor, person, now }: Context<'any'>,
): Promise<z.input<typeof MeView>> {
  if (person === null) {
    const organizations = await organizationsOf(db, actor);
    return {
      ...{ kind: 'token', id: actor.id, name: null, login: null, forge_id: null, session_id: null },
      scopes: [...actor.scopes].sort(),
      organizations: organizationsView(organizations.map((organization) => ({ organization, role: actor.role }))),
      ...{ organizations_complete: true, repositories: [], repositories_complete: true },
    };
  }
  const { roles, complete } = await standings.all(person, { now, isWrite: false });
  const whole = new Set(
    roles.filter(({ role }) => holdsRole(role, 'admin')).map(({ organization }) => organization.id),
  );
  const own = await repositoriesOf({ db, standings }, person, whole, now);
  return {
    ...{ kind: 'person', id: person.id, name: person.name, login: person.login, forge_id: person.forgeId },
    ...{ session_id: person.sessionId, scopes: [...actor.scopes].sort() },
    organizations: organizationsView(roles),
    organizations_complete: complete,
    repositories: own.repositories.map(({ organization, repository: { id, name } }) => ({
      ...{ id, organization_id: organization.id, organization: organization.slug, name },
    })),
    repositories_complete: own.complete,
  };
}

function personOf({ person }: Context): SignedIn {
  if (person === null) throw problem('FORBIDDEN', 'a token has no sessions; this is for people who are signed in');
  return person;
}

function noSession(): never {
  throw new Error('a token has no sessions');
}
