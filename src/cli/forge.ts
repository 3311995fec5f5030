import { resolve } from 'node:path';
import type { Core } from '../app.ts';
import { addForge, ensureOrganization } from '../forge/connect.ts';
import { FORGE_KINDS, type ForgeKind } from '../forge/forge.ts';
import type { ForgeRecord } from '../forge/forge-reads.ts';
import { forgeOverviews } from '../forge/forge-reads.ts';
import { hookUrl } from '../forge/hooks.ts';
import { addAll, allView, told } from './add-products.ts';
import { type Call, type Command, choiceOf, EXIT, flagOf, required, textOf, UsageError } from './command.ts';
import { forgeView, organizationView } from './forge-view.ts';
import { hostListLine } from './host-list.ts';
import { byCli, secretOf, withCore } from './session.ts';
import { shortTime, table } from './table.ts';

export const forgeAdd: Command = {
  name: 'forge add',
  summary: 'Connects a Git forge; it is asked first, so a wrong address or token is told at once.',
  usage: '[name] --url https://git.example.com [--kind gitea] [--token-file FILE] [--owner acme [--all]]',
  help: [
    'name           what you call it; the host of the address by default',
    `--url          where Feedgate reaches it; for kind "git" a folder or an address that holds repositories`,
    `--kind         ${FORGE_KINDS.join(', ')}; told by the address where it can be`,
    '--token-file   file with an API token; or --token, or FORGE_TOKEN in the environment',
    '--owner        connect this organization or person as well',
    '--hook         repository (default) or organization: one hook each, or one that hears all of its repositories',
    '--slug         its part of every address here; the login by default',
    '--org-name     as people call it',
    '--key-prefix   what its license keys begin with, such as ACME1',
    '--all          add a product for each of its repositories that releases an extension',
    '--mode, --platform   for these products, as in product add',
  ],
  options: {
    url: { type: 'string' },
    kind: { type: 'string' },
    token: { type: 'string' },
    'token-file': { type: 'string' },
    owner: { type: 'string' },
    hook: { type: 'string' },
    slug: { type: 'string' },
    'org-name': { type: 'string' },
    'key-prefix': { type: 'string' },
    all: { type: 'boolean' },
    mode: { type: 'string' },
    platform: { type: 'string' },
  },
  async run(call) {
    const { values, io } = call;
    const url = required(textOf(values, 'url'), '--url');
    const kind = choiceOf(values, 'kind', FORGE_KINDS) ?? kindOf(url);
    const baseUrl = kind === 'git' && !/^[a-z+]+:\/\//i.test(url) ? resolve(url) : url;
    if (kind !== 'git' && !URL.canParse(url))
      throw new UsageError('--url is an address such as https://git.example.com');
    const token = (await secretOf(call, 'token', 'FORGE_TOKEN')) ?? null;
    if (flagOf(values, 'all')) required(textOf(values, 'owner'), '--owner');
    const name = call.positionals[0] ?? nameOf(baseUrl);
    return withCore(call, 'publicUrl', async (core) => {
      const forge = await addForge(core.forge, { kind, name, baseUrl, token }, byCli(core));
      io.say(`Connected ${forge.name}: ${forge.version ?? forge.kind}.`);
      const line = hostListLine(core.config.publicUrl, forge.kind);
      if (line !== null) io.note(line);
      const owner = textOf(values, 'owner');
      const organization = owner === undefined ? null : await connectOwner(core, call, forge, owner);
      if (organization !== null) io.say(`Connected the organization ${organization.slug}.`);
      const added = organization !== null && flagOf(values, 'all') ? await addAll(core, call, organization) : null;
      io.json({
        forge: forgeView(forge),
        hook_url: hookUrl(core.config.publicUrl, forge.id),
        organization: organization && organizationView(organization),
        ...(added === null ? {} : allView(added)),
      });
      if (added !== null) return told(io, added);
      io.say(`Next: feedgate product add --forge ${forge.name} --owner OWNER --repo REPOSITORY`);
      return EXIT.ok;
    });
  },
};

function connectOwner(core: Core, { values }: Call, forge: ForgeRecord, owner: string) {
  const wish = {
    slug: textOf(values, 'slug'),
    name: textOf(values, 'org-name'),
    keyPrefix: textOf(values, 'key-prefix'),
    hookScope: choiceOf(values, 'hook', ['repository', 'organization'] as const),
  };
  return ensureOrganization(core.forge, { forge, owner, ...wish }, byCli(core));
}

function kindOf(url: string): ForgeKind {
  if (/^(\/|\.|file:|ssh:|git:)/.test(url)) return 'git';
  if (URL.canParse(url) && new URL(url).hostname === 'github.com') return 'github';
  throw new UsageError(`--kind is missing: ${FORGE_KINDS.join(', ')}`);
}

function nameOf(url: string): string {
  return URL.canParse(url) && new URL(url).hostname !== '' ? new URL(url).hostname : 'git';
}

export const forgeList: Command = {
  name: 'forge list',
  summary: 'The connected forges, their organizations, and when each last delivered a hook.',
  usage: '',
  async run(call) {
    return withCore(call, 'database', async (core) => {
      const overviews = await forgeOverviews(core.db);
      call.io.json({
        forges: overviews.map(({ forge, organizations, repositories, delivery }) => ({
          ...forgeView(forge),
          organizations: organizations.map(organizationView),
          repositories: repositories.length,
          last_delivery_at: delivery?.receivedAt ?? null,
        })),
      });
      const rows = overviews.map(({ forge, organizations, repositories, delivery }) => [
        ...[forge.name, forge.kind, forge.baseUrl, forge.checkError === null ? 'answers' : 'in trouble'],
        organizations.map(({ slug }) => slug).join(', ') || '-',
        String(repositories.length),
        shortTime(delivery?.receivedAt ?? null),
      ]);
      const heading = ['name', 'kind', 'address', 'state', 'organizations', 'repositories', 'last hook'];
      call.io.say(rows.length === 0 ? 'No forge is connected: feedgate forge add --url …' : table([heading, ...rows]));
      return EXIT.ok;
    });
  },
};
