import type { Core } from '../app.ts';
import { problem } from '../errors.ts';
import { forgeOverviews, requireOrganization, requireRepository } from '../forge/forge-reads.ts';
import type { Level } from '../releases/level.ts';
import { textOf, UsageError, type Values } from './command.ts';

/** The organization that `--org` names, or the only one there is; `--repo` narrows it to a repository. */
export async function levelOf(core: Pick<Core, 'db'>, values: Values): Promise<Level> {
  const slug = textOf(values, 'org');
  const organization = slug === undefined ? await onlyOne(core) : await requireOrganization(core.db, slug);
  const repo = textOf(values, 'repo');
  return { organization, repository: repo === undefined ? null : await requireRepository(core.db, organization, repo) };
}

async function onlyOne({ db }: Pick<Core, 'db'>): Promise<Level['organization']> {
  const organizations = (await forgeOverviews(db)).flatMap((each) => each.organizations);
  const [only, ...others] = organizations;
  if (!only) throw problem('NOT_FOUND', 'there is no organization yet: feedgate product add org/repo');
  if (others.length > 0) throw new UsageError(`say --org, one of ${organizations.map(({ slug }) => slug).join(', ')}`);
  return only;
}
