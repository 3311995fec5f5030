import { requireKey } from '../licensing/key-reads.ts';
import { licenseKeyView } from '../licensing/key-sale-view.ts';
import { keyText } from '../licensing/keys.ts';
import { requirePackage } from '../licensing/package-reads.ts';
import { makeTestKey } from '../licensing/test-keys.ts';
import { requireProduct } from '../releases/product-reads.ts';
import { type Command, EXIT, numberOf, textOf, UsageError } from './command.ts';
import { levelOf } from './level.ts';
import { byCli, withCore } from './session.ts';
import { shortTime } from './table.ts';

export const keyTest: Command = {
  name: 'key test',
  summary: 'Makes a license key for a try and shows it.',
  usage: '[--product acme/hello] [--days 14] [--sites 1] [--package "One year"] [--org acme] [--repo hello]',
  help: [
    'What is left out is as the organization has it by default, else the newest base package, 14 days, one site.',
    '--product   what the key must be for',
    '--label     a name for the key',
  ],
  options: {
    product: { type: 'string' },
    package: { type: 'string' },
    days: { type: 'string' },
    sites: { type: 'string' },
    label: { type: 'string' },
    org: { type: 'string' },
    repo: { type: 'string' },
  },
  async run(call) {
    const { values } = call;
    const days = numberOf(values, 'days') ?? null;
    const sites = numberOf(values, 'sites');
    if (days === 0 || sites === 0) throw new UsageError('--days and --sites are at least 1');
    return withCore(call, 'database', async (core) => {
      const productName = textOf(values, 'product');
      const product = productName === undefined ? null : await requireProduct(core.db, productName);
      const org = textOf(values, 'org') ?? product?.organizationSlug;
      const level = await levelOf(core, org === undefined ? values : { ...values, org });
      const named = textOf(values, 'package');
      const packageId = named === undefined ? null : (await requirePackage(core.db, level, named)).id;
      const label = textOf(values, 'label') ?? 'Test key';
      const wish = { productId: product?.id ?? null, packageId, days, sites, label, request: null };
      const { key } = await makeTestKey(core, level, wish, byCli(core));
      const view = licenseKeyView(await requireKey(core.db, core.secrets, key.id), null, core.clock());
      const text = keyText(core.secrets, key);
      call.io.json({ key: text, ...view });
      call.io.note(`It works until ${shortTime(view.valid_until)}.`);
      call.io.say(text);
      return EXIT.ok;
    });
  },
};
