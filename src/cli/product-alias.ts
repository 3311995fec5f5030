import { addAlias, removeAlias } from '../releases/aliases.ts';
import { productPath } from '../releases/product.ts';
import { requireProduct } from '../releases/product-reads.ts';
import { addressesOf } from '../releases/whole-releases.ts';
import { feedsOf } from './add-products.ts';
import { type Command, EXIT, required, textOf, UsageError } from './command.ts';
import { byCli, withCore } from './session.ts';
import { table } from './table.ts';

export const productAliasAdd: Command = {
  name: 'product alias add',
  summary: 'Serves a product at an old address as well.',
  usage: '<product> <path> [--document updates.xml]',
  help: [
    'path         as it stood behind the host: /updates/com_hello.xml, or old-org/hello',
    '--document   which document a whole file is; told by its ending otherwise',
  ],
  options: { document: { type: 'string' } },
  async run(call) {
    const name = required(call.positionals[0], 'the product');
    const path = required(call.positionals[1], 'the old path');
    return withCore(call, 'publicUrl', async (core) => {
      const product = await requireProduct(core.db, name);
      const document = documentOf(path, textOf(call.values, 'document'), feedsOf(core, product));
      await addAlias(core.db, product, path, document, byCli(core));
      call.io.json({ product: productPath(product), path, document });
      call.io.say(`${productPath(product)} is served at ${core.config.publicUrl}/${path.replace(/^\/+/, '')} too.`);
      return EXIT.ok;
    });
  },
};

/** null: the path stands for the whole product, and its documents are found below it. */
function documentOf(path: string, named: string | undefined, feeds: readonly string[]): string | null {
  const documents = feeds.map((feed) => feed.slice(feed.lastIndexOf('/') + 1));
  if (named !== undefined) {
    if (documents.includes(named)) return named;
    throw new UsageError(`--document is one of ${documents.join(', ')}`);
  }
  const last = path.split('/').at(-1) ?? '';
  if (!/\.(xml|txt|php|json)$/i.test(last)) return null;
  return documents.find((each) => each.slice(-4) === last.slice(-4).toLowerCase()) ?? documents[0] ?? null;
}

export const productAliasList: Command = {
  name: 'product alias list',
  summary: 'Every address at which a product is served.',
  usage: '<product>',
  async run(call) {
    const name = required(call.positionals[0], 'the product');
    return withCore(call, 'publicUrl', async (core) => {
      const product = await requireProduct(core.db, name);
      const aliases = await addressesOf(core.db, product.id);
      call.io.json({ product: productPath(product), aliases });
      const rows = aliases.map(({ path, kind, document }) => [
        `${core.config.publicUrl}/${path}`,
        kind,
        document ?? '-',
      ]);
      call.io.say(table([['address', 'kind', 'document'], ...rows]));
      return EXIT.ok;
    });
  },
};

export const productAliasRemove: Command = {
  name: 'product alias remove',
  summary: 'Takes an old address from a product; from then on it leads nowhere.',
  usage: '<product> <path>',
  async run(call) {
    const name = required(call.positionals[0], 'the product');
    const path = required(call.positionals[1], 'the old path');
    return withCore(call, 'database', async (core) => {
      const product = await requireProduct(core.db, name);
      await removeAlias(core.db, product, path, byCli(core));
      call.io.json({ product: productPath(product), path, removed: true });
      call.io.say(`${productPath(product)} is not served at ${path} any more.`);
      return EXIT.ok;
    });
  },
};
