import { productPath } from '../releases/product.ts';
import { requireProduct } from '../releases/product-reads.ts';
import { productView } from '../releases/product-view.ts';
import { changeProduct, retireProduct } from '../releases/products.ts';
import { warn } from './add-products.ts';
import { type Command, EXIT, flagOf, required, UsageError } from './command.ts';
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
      const product = await changeProduct(core.db, before.id, change, byCli(core));
      call.io.json(productView(product));
      call.io.say(`Changed ${productPath(product)}: ${Object.keys(change).join(', ')}.`);
      warn(call.io, [product]);
      return EXIT.ok;
    });
  },
};

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
