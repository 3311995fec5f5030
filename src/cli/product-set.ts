import { requireOrganization } from '../forge/forge-reads.ts';
import { requireChannels } from '../releases/channels.ts';
import { productPath } from '../releases/product.ts';
import { requireProduct } from '../releases/product-reads.ts';
import { productView } from '../releases/product-view.ts';
import { addAlias, changeProduct, retireProduct } from '../releases/products.ts';
import { feedsOf, warn } from './add-products.ts';
import { type Command, EXIT, flagOf, required, textOf, UsageError } from './command.ts';
import { changeOf, PRODUCT_HELP, PRODUCT_OPTIONS } from './product-options.ts';
import { byCli, withCore } from './session.ts';

export const productSet: Command = {
  name: 'product set',
  summary: 'Changes a product; what its releases say may change with it, so they are read again.',
  usage: '<product> [--mode listed] …',
  help: PRODUCT_HELP,
  options: PRODUCT_OPTIONS,
  async run(call) {
    const name = required(call.positionals[0], 'the product');
    return withCore(call, 'publicUrl', async (core) => {
      const before = await requireProduct(core.db, name);
      const change = changeOf(call.values, before);
      if (Object.keys(change).length === 0) throw new UsageError('say what to change');
      if (change.open_channels) {
        const { rules } = await requireOrganization(core.db, before.organizationId);
        requireChannels(rules, change.open_channels, '/open_channels');
      }
      const product = await changeProduct(core.db, before.id, change, byCli(core));
      call.io.json(productView(product));
      call.io.say(`Changed ${productPath(product)}: ${Object.keys(change).join(', ')}.`);
      warn(call.io, [product]);
      return EXIT.ok;
    });
  },
};

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

export const productRetire: Command = {
  name: 'product retire',
  summary: 'Answers for a product as for an unknown one; nothing of it is deleted.',
  usage: '<product> [--undo]',
  help: ['--undo   serve it again'],
  options: { undo: { type: 'boolean' } },
  async run(call) {
    const name = required(call.positionals[0], 'the product');
    const isRetired = !flagOf(call.values, 'undo');
    return withCore(call, 'database', async (core) => {
      const product = await requireProduct(core.db, name);
      await retireProduct(core.db, product.id, isRetired, byCli(core));
      call.io.json({ id: product.id, path: productPath(product), retired: isRetired });
      call.io.say(`${productPath(product)} is ${isRetired ? 'retired: sites see no update of it' : 'served again'}.`);
      return EXIT.ok;
    });
  },
};
