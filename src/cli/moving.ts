import { feedFormats } from '../../feeds/index.ts';
import { endBridge, setBridge } from '../moving/bridge.ts';
import { movingOf, oldRoutesOf } from '../moving/moving.ts';
import { bridgeView, movingView } from '../moving/moving-view.ts';
import { PROXIES, proxyLines } from '../moving/routes.ts';
import { productPath } from '../releases/product.ts';
import { listProducts, requireProduct } from '../releases/product-reads.ts';
import { type Command, choiceOf, EXIT, required, textOf } from './command.ts';
import { byCli, withCore } from './session.ts';

export const routes: Command = {
  name: 'routes',
  summary: 'Prints the lines for your proxy that lead old addresses of feeds here.',
  usage: '[product …] [--for nginx]',
  help: [`--for            ${PROXIES.join(' or ')}`, '--organization   only products of this one'],
  options: { for: { type: 'string' }, organization: { type: 'string' } },
  async run(call) {
    const proxy = choiceOf(call.values, 'for', PROXIES) ?? 'nginx';
    return withCore(call, 'publicUrl', async (core) => {
      const { publicUrl } = core.config;
      const named = call.positionals.map((name) => requireProduct(core.db, name));
      const products =
        named.length > 0
          ? await Promise.all(named)
          : await listProducts(core.db, textOf(call.values, 'organization') ?? null);
      const found = await oldRoutesOf({ db: core.db, publicUrl }, products, core.clock());
      call.io.json({
        routes: found.map(({ isAlias, feedUrl, ...route }) => ({ ...route, feed_url: feedUrl, alias: isAlias })),
      });
      const lines = proxyLines(found, proxy, publicUrl);
      call.io.say(lines.length === 0 ? '# No old address is known.' : lines.join('\n').trimEnd());
      return EXIT.ok;
    });
  },
};

export const productMoving: Command = {
  name: 'product moving',
  summary: 'How far a product has come on its way here, step by step, and who still asks its old addresses.',
  usage: '<product>',
  async run(call) {
    const name = required(call.positionals[0], 'the product');
    return withCore(call, 'publicUrl', async (core) => {
      const product = await requireProduct(core.db, name);
      const moving = await movingOf({ db: core.db, publicUrl: core.config.publicUrl }, product, core.clock());
      call.io.json(movingView(product.id, moving));
      for (const { step, state, detail } of moving.steps)
        call.io.say(`${state.replace('_', ' ').padEnd(10)} ${step.replaceAll('_', ' ')}: ${detail}`);
      for (const { url, kept, polls, lastAt } of moving.addresses)
        call.io.say(`  ${url}: ${kept}, ${polls} polls in 14 days${lastAt === null ? '' : `, the last ${lastAt}`}`);
      return EXIT.ok;
    });
  },
};

export const bridgeSet: Command = {
  name: 'bridge set',
  summary:
    'Keeps a feed file current on a branch, for sites that ask its raw address; it holds what nobody needs a key for.',
  usage: '<product> --branch main --path updates.xml',
  help: ['--document   the feed that stands in it; told by the ending of the path otherwise'],
  options: { branch: { type: 'string' }, path: { type: 'string' }, document: { type: 'string' } },
  async run(call) {
    const name = required(call.positionals[0], 'the product');
    const branch = required(textOf(call.values, 'branch'), '--branch');
    const path = required(textOf(call.values, 'path'), '--path');
    return withCore(call, 'publicUrl', async (core) => {
      const product = await requireProduct(core.db, name);
      const feeds = feedFormats.filter(({ platform }) => product.platforms.includes(platform));
      const documents = feeds.flatMap((format) => format.documents.filter(({ kind }) => kind === 'feed'));
      const wish = { branch, path, document: textOf(call.values, 'document') ?? null };
      const names = documents.map(({ fileName }) => fileName);
      const bridge = await setBridge(core.db, product, wish, names, byCli(core));
      call.io.json(bridgeView(bridge));
      call.io.say(
        `${bridge.path} on ${bridge.branch} of ${productPath(product)} is written by the running server from now on.`,
      );
      if (product.mode === 'strict')
        call.io.note(
          'The product is strict: nobody is shown anything without a key, so the file lists nothing. Choose listed.',
        );
      return EXIT.ok;
    });
  },
};

export const bridgeRemove: Command = {
  name: 'bridge remove',
  summary: 'Keeps the bridge file of a product current no longer; the file stays as it is.',
  usage: '<product>',
  async run(call) {
    const name = required(call.positionals[0], 'the product');
    return withCore(call, 'publicUrl', async (core) => {
      const product = await requireProduct(core.db, name);
      await endBridge(core.db, product, byCli(core));
      call.io.json({ product: productPath(product), bridge: null });
      call.io.say(`The bridge of ${productPath(product)} is not kept current any more.`);
      return EXIT.ok;
    });
  },
};
