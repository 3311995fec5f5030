import type { Core } from '../app.ts';
import { requireOrganization } from '../forge/forge-reads.ts';
import { changePackageAt, createPackageAt, deletePackageAt } from '../licensing/level-packages.ts';
import { NewPackageBody, PackageChangeBody } from '../licensing/package-body.ts';
import { listPackages, type PackageRecord, packageVersions, requirePackage } from '../licensing/package-reads.ts';
import { type Length, PACKAGE_KINDS } from '../licensing/package-terms.ts';
import { packageVersionView, packageView } from '../licensing/package-view.ts';
import { requireProduct } from '../releases/product-reads.ts';
import { type Call, type Command, choiceOf, EXIT, required, textOf, UsageError, type Values } from './command.ts';
import { levelOf } from './level.ts';
import { checked, TERMS_HELP, TERMS_OPTIONS, termsSaid } from './package-options.ts';
import { byCli, withCore } from './session.ts';
import { shortTime, table } from './table.ts';

export const packageList: Command = {
  name: 'package list',
  summary: 'The license packages: what is sold.',
  usage: '[--org acme] [--repo hello] [--active yes] [--kind base] [--product acme/hello] [--text pro]',
  help: [
    '--active    yes: those that are sold; no: those that are not any more',
    `--kind      ${PACKAGE_KINDS.join(', ')}`,
    '--product   those that cover it, by name or id',
    '--text      stands in the name or the description',
  ],
  options: {
    ...{ org: { type: 'string' }, repo: { type: 'string' }, active: { type: 'string' }, kind: { type: 'string' } },
    ...{ product: { type: 'string' }, text: { type: 'string' } },
  },
  async run(call) {
    return withCore(call, 'database', async (core) => {
      const level = await levelOf(core, call.values);
      const packages = await listPackages(core.db, level, await wishesOf(core, call.values));
      call.io.json({ packages: packages.map(packageView) });
      const rows = packages.map(({ id, name, kind, active, terms }) => [
        ...[id, name, active ? kind : `${kind}, not sold`, lengthWords(terms.length)],
        ...[terms.sites === null ? 'unlimited' : String(terms.sites), terms.channels.join(',')],
      ]);
      call.io.say(table([['id', 'name', 'kind', 'length', 'sites', 'channels'], ...rows]));
      return EXIT.ok;
    });
  },
};

async function wishesOf(core: Core, values: Values) {
  const active = choiceOf(values, 'active', ['yes', 'no']);
  const product = textOf(values, 'product');
  return {
    active: active === undefined ? undefined : active === 'yes',
    kind: choiceOf(values, 'kind', PACKAGE_KINDS),
    product: product === undefined ? undefined : (await requireProduct(core.db, product)).id,
    text: textOf(values, 'text')?.trim() || undefined,
  };
}

function lengthWords(length: Length | null): string {
  return length === null ? '-' : `${length.value} ${length.unit}${length.value === 1 ? '' : 's'}`;
}

export const packageCreate: Command = {
  name: 'package create',
  summary: 'Makes a license package that can be sold.',
  usage: '--name "One year" --length 1y --sites 3 [--org acme] [--repo hello] …',
  help: [
    '--org, --repo  whose it is: of an organization, or of one repository of it',
    '--kind         base (default), addon or trial',
    ...TERMS_HELP,
  ],
  options: { ...TERMS_OPTIONS, org: { type: 'string' }, repo: { type: 'string' }, kind: { type: 'string' } },
  async run(call) {
    const { values } = call;
    required(textOf(values, 'name'), '--name');
    if (textOf(values, 'from') === undefined) required(textOf(values, 'length'), '--length');
    required(textOf(values, 'sites'), '--sites');
    return withCore(call, 'database', async (core) => {
      const level = await levelOf(core, values);
      const given = { duration: null, ...(await termsSaid(core, values)), kind: textOf(values, 'kind') };
      const made = await createPackageAt(core.db, core.secrets, level, checked(NewPackageBody, given), byCli(core));
      call.io.json(packageView(made));
      call.io.say(`Made the package "${made.name}": ${made.id}`);
      return EXIT.ok;
    });
  },
};

export const packageChange: Command = {
  name: 'package change',
  summary: 'Changes what a package gives from now on; what was sold stays as it was sold.',
  usage: '<package> [--active no] …',
  help: [
    '--active       no: it is not sold any more; yes: it is again',
    '--name         as customers read it',
    ...TERMS_HELP,
  ],
  options: { ...TERMS_OPTIONS, org: { type: 'string' }, active: { type: 'string' } },
  async run(call) {
    const name = required(call.positionals[0], 'the package');
    const active = choiceOf(call.values, 'active', ['yes', 'no']);
    return withCore(call, 'database', async (core) => {
      const found = await namedPackage(core, call, name);
      const said = {
        ...(await termsSaid(core, call.values)),
        active: active === undefined ? undefined : active === 'yes',
      };
      const change = checked(PackageChangeBody, said);
      if (Object.keys(change).length === 0) throw new UsageError('say what to change');
      const changed = await changePackageAt(core.db, await ownLevel(core, found), found.id, change, byCli(core));
      call.io.json(packageView(changed));
      call.io.say(`Changed the package "${changed.name}"; it is sold in version ${changed.version} now.`);
      return EXIT.ok;
    });
  },
};

export const packageVersionsCommand: Command = {
  name: 'package versions',
  summary: 'What a package was and is sold as, and how many grants were given of each version.',
  usage: '<package> [--org acme]',
  options: { org: { type: 'string' } },
  async run(call) {
    const name = required(call.positionals[0], 'the package');
    return withCore(call, 'database', async (core) => {
      const found = await namedPackage(core, call, name);
      const { of, versions } = await packageVersions(core.db, await ownLevel(core, found), found.id);
      const views = versions.map(packageVersionView(of));
      call.io.json({ package: packageView(of), versions: views });
      const rows = views.map((each) => [
        ...[`${each.version}${each.current ? ' (sold now)' : ''}`, shortTime(each.created_at), each.created_by],
        ...[`${each.grants} (${each.open_grants} open)`, lengthWords(each.duration)],
        ...[each.sites === null ? 'unlimited' : String(each.sites), each.channels.join(',')],
      ]);
      call.io.say(table([['version', 'made', 'by', 'grants', 'length', 'sites', 'channels'], ...rows]));
      return EXIT.ok;
    });
  },
};

export const packageDelete: Command = {
  name: 'package delete',
  summary: 'Deletes a package that was never sold; one that was is made inactive instead.',
  usage: '<package> [--org acme]',
  options: { org: { type: 'string' } },
  async run(call) {
    const name = required(call.positionals[0], 'the package');
    return withCore(call, 'database', async (core) => {
      const found = await namedPackage(core, call, name);
      await deletePackageAt(core.db, await ownLevel(core, found), found.id, byCli(core));
      call.io.json({ id: found.id, deleted: true });
      call.io.say(`The package "${found.name}" is deleted.`);
      return EXIT.ok;
    });
  },
};

async function namedPackage(core: Core, { values }: Call, name: string): Promise<PackageRecord> {
  const level = textOf(values, 'org') === undefined ? null : await levelOf(core, values);
  return requirePackage(core.db, level, name);
}

async function ownLevel(core: Core, { organizationId }: PackageRecord) {
  return { organization: await requireOrganization(core.db, organizationId), repository: null };
}
