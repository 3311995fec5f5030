import { CLI_ACTOR } from '../accounts/actor.ts';
import type { Core } from '../app.ts';
import { kindOfId } from '../ids.ts';
import { productPath } from '../releases/product.ts';
import { requireProduct, requireRelease } from '../releases/product-reads.ts';
import { yank } from '../releases/products.ts';
import { releaseView } from '../releases/release-view.ts';
import { wholeRelease, wholeReleases } from '../releases/whole-releases.ts';
import { type Call, type Command, EXIT, required, textOf } from './command.ts';
import { byCli, withCore } from './session.ts';
import { shortTime, table } from './table.ts';

export const releaseList: Command = {
  name: 'release list',
  summary: 'The releases of a product, the newest first: listed, withheld, withdrawn or yanked.',
  usage: '<product>',
  async run(call) {
    const name = required(call.positionals[0], 'the product');
    return withCore(call, 'database', async (core) => {
      const product = await requireProduct(core.db, name);
      const compare = core.reconcile.ingest.formats[0]?.compareVersions ?? (() => 0);
      const releases = await wholeReleases(core.db, product.id);
      const views = releases.map(releaseView).sort((a, b) => compare(b.version, a.version));
      call.io.json({ product: productPath(product), releases: views });
      const rows = views.map(({ version, channel, state, tag, first_seen_at, problems, artifacts }) => [
        ...[version, channel, state, tag, shortTime(first_seen_at)],
        ...[artifacts.map(({ platform }) => platform).join(',') || '-', problems.map(({ code }) => code).join(' ')],
      ]);
      const heading = ['version', 'channel', 'state', 'tag', 'since', 'for', 'problems'];
      call.io.say(rows.length === 0 ? `${productPath(product)} has no release.` : table([heading, ...rows]));
      return EXIT.ok;
    });
  },
};

export const releaseYank: Command = {
  name: 'release yank',
  summary: 'Takes a version out of every feed and download; sites that have it keep it.',
  usage: '<product> <version> --reason "breaks logins"   (or the id of the release)',
  options: { reason: { type: 'string' } },
  run: (call) => setYanked(call, true, required(textOf(call.values, 'reason'), '--reason')),
};

export const releaseUnyank: Command = {
  name: 'release unyank',
  summary: 'Puts a version back into the feeds.',
  usage: '<product> <version>   (or the id of the release)',
  run: (call) => setYanked(call, false, ''),
};

async function setYanked(call: Call, yanked: boolean, reason: string): Promise<number> {
  const [first, version] = call.positionals;
  const named = required(first, 'the product and the version');
  const isId = kindOfId(named) === 'release';
  if (!isId) required(version, 'the version');
  return withCore(call, 'database', async (core: Core) => {
    const product = isId ? null : await requireProduct(core.db, named);
    const release = await requireRelease(core.db, product, isId ? named : (version ?? ''));
    await yank(core.db, release.id, yanked, reason, byCli(core));
    const view = releaseView(await wholeRelease(core.db, CLI_ACTOR, release.id));
    call.io.json(view);
    call.io.say(`${release.version} is ${view.state}.`);
    return EXIT.ok;
  });
}
