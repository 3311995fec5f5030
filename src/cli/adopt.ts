import { adoptAll, adoptProduct, requireFeedUrl } from '../moving/adopt.ts';
import type { Adoption } from '../moving/adoption.ts';
import { adoptionView } from '../moving/moving-view.ts';
import { productPath } from '../releases/product.ts';
import { listProducts, requireProduct } from '../releases/product-reads.ts';
import { type Command, EXIT, flagOf, required, textOf, UsageError } from './command.ts';
import { byCli, withCore } from './session.ts';

export const adopt: Command = {
  name: 'adopt',
  summary:
    'Opens the pull request that moves a product here: manifest, keys of sites, workflows. Again: the same one, up to date.',
  usage: '<product> | --organization acme [--dry-run]',
  help: [
    '--organization   every product of it, one after the other',
    '--dry-run        shows the edits as a diff and does nothing',
    "--feed-url       another server's feed in place of ours: the way back, one product at a time",
  ],
  options: {
    organization: { type: 'string' },
    'dry-run': { type: 'boolean' },
    'feed-url': { type: 'string' },
  },
  async run(call) {
    const organization = textOf(call.values, 'organization');
    const feedUrl = textOf(call.values, 'feed-url');
    if (organization !== undefined && (call.positionals.length > 0 || feedUrl !== undefined))
      throw new UsageError('--organization goes alone');
    const wish = {
      dryRun: flagOf(call.values, 'dry-run'),
      feedUrl: feedUrl === undefined ? null : requireFeedUrl(feedUrl),
    };
    const name = organization === undefined ? required(call.positionals[0], 'the product or --organization') : '';
    return withCore(call, 'publicUrl', async (core) => {
      const adoptions =
        organization === undefined
          ? [await adoptProduct(core.forge, await requireProduct(core.db, name), wish, byCli(core))]
          : await adoptAll(core.forge, await listProducts(core.db, organization), wish, byCli(core));
      call.io.json({ items: adoptions.map(adoptionView) });
      for (const adoption of adoptions) call.io.say(wordsOf(adoption, wish.dryRun));
      return adoptions.some(({ state }) => state === 'failed' || state === 'impossible') ? EXIT.failed : EXIT.ok;
    });
  },
};

const STATES: Record<Adoption['state'], string> = {
  planned: 'would propose',
  opened: 'opened',
  updated: 'brought up to date',
  unchanged: 'is up to date',
  nothing: 'nothing to do, the branch names this server already',
  by_hand: 'its forge takes no pull requests; apply this by hand',
  impossible: 'cannot be done',
  failed: 'the forge did not do its part',
};

function wordsOf(adoption: Adoption, isDry: boolean): string {
  const { product, state, pullRequest, remarks } = adoption;
  const { files } = adoptionView(adoption);
  const showsDiff = isDry || state === 'by_hand';
  return [
    `${productPath(product)}: ${STATES[state]}${pullRequest === null ? '' : ` ${pullRequest.url}`}`,
    ...files.map(({ path, change, done }) => `  ${change === 'added' ? 'new ' : ''}${path}: ${done.join('; ')}`),
    ...remarks.map((remark) => `  by hand: ${remark}`),
    ...(showsDiff ? files.map(({ diff }) => `\n${diff}`) : []),
  ].join('\n');
}
