import type { Core } from '../app.ts';
import { problem } from '../errors.ts';
import { ensureOrganization, findRemote } from '../forge/connect.ts';
import type { ForgeRecord, OrganizationRecord } from '../forge/forge-reads.ts';
import { findForgeByName, findOrganizationBySlug, forgeOverviews, requireOrganization } from '../forge/forge-reads.ts';
import { addAll, addedView, addOne, addRepository, allView, told, warn, wordsOf } from './add-products.ts';
import { type Call, type Command, EXIT, flagOf, required, textOf, UsageError } from './command.ts';
import { PRODUCT_HELP, PRODUCT_OPTIONS, platformsOf } from './product-options.ts';
import { byCli, withCore } from './session.ts';

export const productAdd: Command = {
  name: 'product add',
  summary: 'Adds what a repository releases as a product, registers the hook and reads its releases.',
  usage: '<org>/<repo>[/<edition>] | --owner acme --repo hello | --owner acme --all  [--mode listed] …',
  help: [
    '--org                   organization by its slug here; it is made on first need',
    '--owner                 the same by its login on the forge (the slug, by default)',
    '--forge                 which forge, where several are connected',
    '--org-name, --key-prefix   for a new organization: its name, and what its license keys begin with, such as ACME1',
    '--repo                  name of the repository on the forge',
    '--all                   every repository of the owner that releases an extension',
    '--edition               for one of several files of a release, with --asset; without, core and pro files are told apart',
    "--slug                  its part of the address, where that is not the repository's name; without --repo an app",
    '--no-sync               leave the first look to the server',
    ...PRODUCT_HELP,
  ],
  options: {
    ...PRODUCT_OPTIONS,
    org: { type: 'string' },
    owner: { type: 'string' },
    forge: { type: 'string' },
    'org-name': { type: 'string' },
    'key-prefix': { type: 'string' },
    repo: { type: 'string' },
    edition: { type: 'string' },
    slug: { type: 'string' },
    all: { type: 'boolean' },
    'no-sync': { type: 'boolean' },
  },
  async run(call) {
    const named = withPath(call);
    const isAll = flagOf(named.values, 'all');
    checkWords(named, isAll);
    return withCore(named, 'publicUrl', async (core) => {
      const organization = await organizationFor(core, named);
      if (isAll) {
        const added = await addAll(core, named, organization);
        named.io.json(allView(added));
        return told(named.io, added);
      }
      const repo = textOf(named.values, 'repo');
      if (repo === undefined) return addApp(core, named, organization);
      const forge = await forgeOf(core, organization);
      const remote = await findRemote(core.forge, forge, organization.owner, repo);
      const added = await addRepository(core, named, organization, remote);
      named.io.json(addedView(added));
      for (const line of wordsOf(added)) named.io.say(line);
      warn(
        named.io,
        added.products.map(({ product }) => product),
      );
      return EXIT.ok;
    });
  },
};

/** `org/repo/edition` says the same as three options. */
function withPath(call: Call): Call {
  const [path, ...more] = call.positionals;
  if (more.length > 0) throw new UsageError('one product at a time, or --all');
  if (path === undefined) return call;
  const [org, repo, edition, ...rest] = path.split('/');
  if (!org || !repo || rest.length > 0) throw new UsageError('a product is named like org/repo or org/repo/edition');
  const said = { ...call.values };
  for (const [name, value] of Object.entries({ org, repo, edition })) {
    if (value === undefined) continue;
    if (said[name] !== undefined && said[name] !== value) throw new UsageError(`--${name} and ${path} disagree`);
    said[name] = value;
  }
  return { ...call, values: said };
}

function checkWords({ values }: Call, isAll: boolean): void {
  const owner = textOf(values, 'org') ?? textOf(values, 'owner');
  required(owner, 'the organization (org/repo, --org or --owner)');
  const repo = textOf(values, 'repo');
  const single = ['repo', 'edition', 'slug', 'name', 'element', 'module'].find(
    (name) => textOf(values, name) !== undefined,
  );
  if (isAll && single !== undefined)
    throw new UsageError(`--all adds every repository, so it goes without --${single}`);
  if (!isAll && repo === undefined)
    required(textOf(values, 'slug'), 'the repository (org/repo or --repo), --all, or --slug for an app');
  platformsOf(values);
}

async function organizationFor(core: Core, { values }: Call): Promise<OrganizationRecord> {
  const slug = textOf(values, 'org');
  const known = slug === undefined ? null : await findOrganizationBySlug(core.db, slug);
  if (known) return known;
  const owner = required(textOf(values, 'owner') ?? slug, 'the organization');
  const forge = await forgeNamed(core, textOf(values, 'forge'));
  const wish = { slug, name: textOf(values, 'org-name'), keyPrefix: textOf(values, 'key-prefix') };
  return ensureOrganization(core.forge, { forge, owner, ...wish }, byCli(core));
}

async function forgeNamed(core: Core, name: string | undefined): Promise<ForgeRecord> {
  const overviews = await forgeOverviews(core.db, name ?? null);
  const [only, ...others] = overviews;
  if (!only) throw problem('NOT_FOUND', 'no forge is connected yet: feedgate forge add --url …');
  if (others.length > 0)
    throw problem(
      'INVALID_REQUEST',
      `several forges are connected; say --forge ${overviews.map(({ forge }) => forge.name).join(' or ')}`,
    );
  return only.forge;
}

async function forgeOf(core: Core, organization: OrganizationRecord): Promise<ForgeRecord> {
  const forge = await findForgeByName(core.db, organization.forgeId);
  if (!forge) throw problem('NOT_FOUND', 'the forge of this organization is gone');
  return forge;
}

/** Something that is licensed and has no repository. */
async function addApp(core: Core, call: Call, { slug }: OrganizationRecord): Promise<number> {
  const organization = await requireOrganization(core.db, slug);
  const added = await addOne(core, call, organization, null, platformsOf(call.values) ?? [], null);
  const result = { products: [added], hook: null, synced: null };
  call.io.json(addedView(result));
  for (const line of wordsOf(result)) call.io.say(line);
  warn(call.io, [added.product]);
  return EXIT.ok;
}
