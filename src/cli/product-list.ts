import { productPath } from '../releases/product.ts';
import { listProducts } from '../releases/product-reads.ts';
import { productView } from '../releases/product-view.ts';
import { addressesOf, problemsOf, wholeReleases } from '../releases/whole-releases.ts';
import { feedsOf } from './add-products.ts';
import { type Command, EXIT, flagOf, textOf } from './command.ts';
import { withCore } from './session.ts';
import { table } from './table.ts';

export const productList: Command = {
  name: 'product list',
  summary: 'The products with their newest version, problems and feed addresses.',
  usage: '[--org acme] [--retired]',
  help: ['--org       of one organization', '--retired   those that are retired as well'],
  options: { org: { type: 'string' }, retired: { type: 'boolean' } },
  async run(call) {
    return withCore(call, 'publicUrl', async (core) => {
      const products = await listProducts(core.db, textOf(call.values, 'org') ?? null, flagOf(call.values, 'retired'));
      const rows: string[][] = [];
      const views: object[] = [];
      for (const product of products) {
        const releases = await wholeReleases(core.db, product.id);
        const problems = await problemsOf(core.db, product.id);
        const aliases = await addressesOf(core.db, product.id);
        const listed = releases.filter(({ release }) => release.state === 'listed' && release.yankedAt === null);
        const errors = problems.filter(({ severity }) => severity === 'error').length;
        const counts = { releases: listed.length, errors, warnings: problems.length - errors };
        const feeds = feedsOf(core, product);
        views.push({ ...productView(product), ...counts, feeds, aliases: aliases.map(({ path }) => path) });
        rows.push([
          ...[productPath(product), product.platforms.join(','), product.retiredAt === null ? product.mode : 'retired'],
          ...[
            String(listed.length),
            errors + counts.warnings === 0 ? '-' : `${errors}/${counts.warnings}`,
            feeds[0] ?? '-',
          ],
        ]);
      }
      call.io.json({ products: views });
      const heading = ['product', 'for', 'mode', 'releases', 'errors/warnings', 'feed'];
      call.io.say(rows.length === 0 ? 'There is no product: feedgate product add org/repo' : table([heading, ...rows]));
      return EXIT.ok;
    });
  },
};
