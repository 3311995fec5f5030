import type { Core } from '../app.ts';
import { requireOrganization } from '../forge/forge-reads.ts';
import { requirePackage } from '../licensing/package-reads.ts';
import { MODES } from '../licensing/verdict.ts';
import { type OrganizationChange, OrganizationChangeBody, organizationView } from '../releases/organization-view.ts';
import { changeOrganization } from '../releases/organizations.ts';
import { PLATFORMS } from '../releases/release.ts';
import {
  type Call,
  type Command,
  choiceOf,
  EXIT,
  listOf,
  numberOf,
  required,
  textOf,
  UsageError,
  type Values,
} from './command.ts';
import { SELLING_HELP, SELLING_OPTIONS, sellingLines, sellingSaid } from './organization-selling.ts';
import { platformsOf, targetOf } from './product-options.ts';
import { byCli, withCore } from './session.ts';
import { table } from './table.ts';

type View = ReturnType<typeof organizationView>;

export const organizationShow: Command = {
  name: 'organization show',
  summary: 'What an organization is set to, for its keys, its shop and its new products.',
  usage: '<org>',
  async run(call) {
    const name = required(call.positionals[0], 'the organization');
    return withCore(call, 'database', async (core) => {
      tell(call, organizationView(await requireOrganization(core.db, name)));
      return EXIT.ok;
    });
  },
};

export const organizationSet: Command = {
  name: 'organization set',
  summary: 'Changes what an organization is set to; what is left out stays.',
  usage: '<org> [--renew-url https://shop.example/] …',
  help: [
    '--name            as customers read it',
    '--key-prefix      of keys that are made from now on, such as ACME1; the others go on working',
    "--support-url, --renew-url   addresses; '' takes one away. A product's own --renew-url goes first",
    "--test-package    what quick test keys are of, by name or id; '' for none",
    '--test-days       how long they last (14)',
    '--test-sites      on how many sites (1), or unlimited',
    `--new-platform    what new products are for: ${PLATFORMS.join(', ')}, both with a comma, or none; '' asks each time`,
    `--new-mode        their mode: ${MODES.join(', ')}`,
    '--new-open-channels   channels of theirs that need no key',
    '--new-missing-site    allow or deny',
    '--new-claim-on        download or feed',
    "--new-target-joomla, --new-target-dolibarr   versions that they run on: '5 - 6'; '' for none",
    ...SELLING_HELP,
  ],
  options: {
    ...{ name: { type: 'string' }, 'key-prefix': { type: 'string' } },
    ...{ 'support-url': { type: 'string' }, 'renew-url': { type: 'string' } },
    ...{ 'test-package': { type: 'string' }, 'test-days': { type: 'string' }, 'test-sites': { type: 'string' } },
    ...{ 'new-platform': { type: 'string' }, 'new-mode': { type: 'string' }, 'new-open-channels': { type: 'string' } },
    ...{ 'new-missing-site': { type: 'string' }, 'new-claim-on': { type: 'string' } },
    ...{ 'new-target-joomla': { type: 'string' }, 'new-target-dolibarr': { type: 'string' } },
    ...SELLING_OPTIONS,
  },
  async run(call) {
    const name = required(call.positionals[0], 'the organization');
    return withCore(call, 'database', async (core) => {
      const organization = await requireOrganization(core.db, name);
      const change = await changeSaid(core, organization.id, call.values);
      if (Object.keys(change).length === 0) throw new UsageError('say what to change');
      tell(call, organizationView(await changeOrganization(core.db, organization.id, change, byCli(core))));
      return EXIT.ok;
    });
  },
};

async function changeSaid(core: Core, organizationId: string, values: Values): Promise<OrganizationChange> {
  const said = withoutUndefined({
    name: textOf(values, 'name'),
    key_prefix: textOf(values, 'key-prefix'),
    support_url: emptyIsNull(textOf(values, 'support-url')),
    renew_url: emptyIsNull(textOf(values, 'renew-url')),
    test_key: withoutUndefined({
      package_id: await packageSaid(core, organizationId, emptyIsNull(textOf(values, 'test-package'))),
      days: numberOf(values, 'test-days'),
      sites: textOf(values, 'test-sites') === 'unlimited' ? null : numberOf(values, 'test-sites'),
    }),
    new_products: withoutUndefined({
      platforms: textOf(values, 'new-platform') === '' ? null : platformsOf({ platform: values['new-platform'] }),
      mode: choiceOf(values, 'new-mode', MODES),
      open_channels:
        textOf(values, 'new-open-channels') === undefined ? undefined : listOf(values, 'new-open-channels'),
      missing_site: choiceOf(values, 'new-missing-site', ['allow', 'deny']),
      claim_on: choiceOf(values, 'new-claim-on', ['download', 'feed']),
      targets: await targetsSaid(core, organizationId, values),
    }),
    ...sellingSaid(values),
  });
  const filled = Object.entries(said).filter(([, value]) => !isEmpty(value));
  const read = OrganizationChangeBody.safeParse(Object.fromEntries(filled));
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw new UsageError(`${issue?.path.join('.')}: ${issue?.message}`);
}

async function packageSaid(core: Core, organizationId: string, name: string | null | undefined) {
  if (name === undefined || name === null) return name;
  const organization = await requireOrganization(core.db, organizationId);
  return (await requirePackage(core.db, { organization, repository: null }, name)).id;
}

/** The API takes all of them at once; here each platform is said by itself. */
async function targetsSaid(core: Core, organizationId: string, values: Values) {
  const said = PLATFORMS.map((platform) => [platform, targetOf(values, platform, 'new-')] as const);
  if (said.every(([, target]) => target === undefined)) return undefined;
  const { settings } = await requireOrganization(core.db, organizationId);
  const all = {
    ...settings.newProduct.targets,
    ...Object.fromEntries(said.filter(([, target]) => target !== undefined)),
  };
  return Object.fromEntries(Object.entries(all).filter(([, target]) => typeof target === 'object'));
}

function emptyIsNull(text: string | undefined): string | null | undefined {
  return text === '' ? null : text;
}

function withoutUndefined(values: object): object {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function tell({ io }: Call, view: View): void {
  io.json(view);
  const { test_key: test, new_products: fresh } = view;
  const or = (text: unknown, none: string) => (text === null || text === '' ? none : String(text));
  io.say(
    table([
      [`${view.slug}`, `${view.name} (${view.owner} on its forge)`],
      ['new keys begin with', view.key_prefix],
      ['keys made before', or(view.former_key_prefixes.join(', '), '-')],
      ['help', or(view.support_url, '-')],
      ['renewal', or(view.renew_url, '-')],
      ['channels', view.channels.join(', ')],
      [
        'test keys',
        `${or(test.package_id, 'of a package that is named')}, ${test.days} days, ${or(test.sites, 'unlimited')} sites`,
      ],
      [
        'new products',
        `${fresh.mode}, open: ${or(fresh.open_channels.join(', '), '-')}, slots by ${fresh.claim_on}, missing site: ${fresh.missing_site}`,
      ],
      ['  for', fresh.platforms === null ? 'asked each time' : or(fresh.platforms.join(', '), 'no platform')],
      ...sellingLines(view),
    ]),
  );
}
