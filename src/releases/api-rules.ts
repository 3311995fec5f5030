import { z } from 'zod';
import type { Actor } from '../accounts/actor.ts';
import type { Db } from '../db/connect.ts';
import { problem } from '../errors.ts';
import type { OrganizationRecord, RepositoryRecord } from '../forge/store.ts';
import { type Route, route } from '../http/route.ts';
import { LEVELS, type LevelRoutes } from './level.ts';
import { CLIENT_WORDS } from './release.ts';
import { changeOrganizationRules, changeRepositoryRules, readRules } from './rules.ts';
import { repositoryTagRulesSchema, tagRulesSchema } from './tag-rules.ts';

const [ORGANIZATION, REPOSITORY] = LEVELS as readonly [LevelRoutes, LevelRoutes];
const globs = z.array(z.string());

const OrganizationRulesView = z
  .object({
    channels: z.array(z.object({ name: z.string(), word: z.enum(CLIENT_WORDS), tags: globs })).meta({
      description: 'Own channels, and default ones that were given tags; the other default ones are there too',
    }),
    prefixes: globs.meta({ description: 'Dropped from the front of a tag' }),
    ignore: globs.meta({ description: 'Patterns of tags that are no releases' }),
    prerelease: z.string().meta({ description: "Channel of what only the forge's own mark says is a prerelease" }),
  })
  .meta({ id: 'OrganizationTagRules' });

const RepositoryRulesView = z
  .object({
    tags: z.record(z.string(), globs).meta({ description: 'Patterns of tags by channel of the organization' }),
    prefixes: globs,
    ignore: globs,
    prerelease: z.string().nullable().meta({ description: 'null: as the organization says' }),
  })
  .meta({ id: 'RepositoryTagRules' });

const REPLACES =
  'Replaces all of them: what is left out has its default again. Releases are looked at again, which may move them to another channel.';

/** Channels of an organization, and the rules from a tag to its version and channel. */
export function tagRulesRoutes({ db }: { db: Db }): Route[] {
  return [...ofOrganization(db), ...ofRepository(db)];
}

function ofOrganization(db: Db): Route[] {
  const common = {
    path: `${ORGANIZATION.path}/tag-rules`,
    tag: 'tag-rules',
    params: ORGANIZATION.params,
    answers: { 200: OrganizationRulesView },
  } as const;
  return [
    route({
      ...common,
      method: 'get',
      operationId: 'getOrganizationTagRules',
      summary: 'The channels of an organization and its rules for tags',
      scope: 'any',
      role: 'viewer',
      problems: ['NOT_FOUND'],
      async handler({ params }, { actor }) {
        const { organization } = await ORGANIZATION.find(db, actor, params);
        return { status: 200, body: readRules({ organization, repository: null }).organization };
      },
    }),
    route({
      ...common,
      method: 'put',
      operationId: 'setOrganizationTagRules',
      summary: 'Sets the channels of an organization and its rules for tags',
      description: `${REPLACES} A channel that a package or the open channels of a product name cannot go.`,
      scope: 'admin',
      role: 'admin',
      body: tagRulesSchema,
      problems: ['NOT_FOUND', 'STILL_IN_USE'],
      async handler({ params, body }, context) {
        const { organization } = await ORGANIZATION.find(db, context.actor, params);
        return { status: 200, body: await changeOrganizationRules(db, organization.id, body, context) };
      },
    }),
  ];
}

function ofRepository(db: Db): Route[] {
  const common = {
    path: `${REPOSITORY.path}/tag-rules`,
    tag: 'tag-rules',
    params: REPOSITORY.params,
    answers: { 200: RepositoryRulesView },
    problems: ['NOT_FOUND'],
  } as const;
  return [
    route({
      ...common,
      method: 'get',
      operationId: 'getRepositoryTagRules',
      summary: 'What a repository adds to the rules of its organization',
      scope: 'any',
      role: 'viewer',
      async handler({ params }, { actor }) {
        return { status: 200, body: readRules(await repositoryLevel(db, actor, params)).repository };
      },
    }),
    route({
      ...common,
      method: 'put',
      operationId: 'setRepositoryTagRules',
      summary: 'Sets what a repository adds to the rules of its organization',
      description: REPLACES,
      scope: 'admin',
      role: 'admin',
      body: repositoryTagRulesSchema,
      async handler({ params, body }, context) {
        const { repository } = await repositoryLevel(db, context.actor, params);
        return { status: 200, body: await changeRepositoryRules(db, repository, body, context) };
      },
    }),
  ];
}

/** Throws NOT_FOUND. */
async function repositoryLevel(
  db: Db,
  actor: Actor,
  params: { org: string },
): Promise<{ organization: OrganizationRecord; repository: RepositoryRecord }> {
  const { organization, repository } = await REPOSITORY.find(db, actor, params);
  if (repository === null) throw problem('NOT_FOUND');
  return { organization, repository };
}
