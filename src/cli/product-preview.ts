import { clientModels } from '../../feeds/index.ts';
import type { Core } from '../app.ts';
import { problem } from '../errors.ts';
import { reasonOf } from '../licensing/verdict-reasons.ts';
import { type Product, productPath } from '../releases/product.ts';
import { newestFacts, requireProduct } from '../releases/product-reads.ts';
import { CLIENT_WORDS, type Platform } from '../releases/release.ts';
import type { ClientModel, Played, PlayedSite, Reroute } from '../updates/client-model.ts';
import { pageUrl } from '../updates/feed-releases.ts';
import { type Call, type Command, choiceOf, EXIT, flagOf, required, textOf } from './command.ts';
import { onLoopback } from './loopback.ts';
import { secretOf, withCore } from './session.ts';

export const productPreview: Command = {
  name: 'product preview',
  summary: 'Plays a site through a model of its client and says in one sentence what its owner sees, and why.',
  usage: '<product> --installed 1.2.0 [--joomla 5.4] [--dolibarr 22] [--key …] [--kit] [--live]',
  help: [
    '--installed   version that the site has',
    '--joomla, --dolibarr   version of the platform; without both, every platform of the product',
    '--key         license key that was typed on the site; or --key-file',
    '--site        host name of the site; stock Joomla does not tell it',
    '--kit         the site has the client kit, which sends key and site with every request',
    '--php         PHP version of the site (8.3)',
    `--stability   the least stable updates that it takes: ${CLIENT_WORDS.join(', ')}`,
    '--live        asks the public address; that counts as a poll. Without, nothing is counted and no site is taken',
  ],
  options: {
    installed: { type: 'string' },
    joomla: { type: 'string' },
    dolibarr: { type: 'string' },
    key: { type: 'string' },
    'key-file': { type: 'string' },
    site: { type: 'string' },
    kit: { type: 'boolean' },
    php: { type: 'string' },
    stability: { type: 'string' },
    live: { type: 'boolean' },
  },
  async run(call) {
    const name = required(call.positionals[0], 'the product');
    const { values } = call;
    const site: Wish = {
      installed: required(textOf(values, 'installed'), '--installed'),
      key: (await secretOf(call, 'key', null)) ?? null,
      host: textOf(values, 'site') ?? null,
      kit: flagOf(values, 'kit'),
      php: textOf(values, 'php') ?? '8.3',
      stability: choiceOf(values, 'stability', CLIENT_WORDS) ?? 'stable',
      download: !flagOf(values, 'live'),
    };
    return withCore(call, 'publicUrl', async (core) => {
      const product = await requireProduct(core.db, name);
      const models = modelsFor(call, product);
      const play = (reroute: Reroute) => playAll(core, call, product, models, site, reroute);
      const previews = flagOf(values, 'live') ? await play((url) => url) : await onLoopback(core, play);
      call.io.json({ product: productPath(product), previews });
      for (const { sentence } of previews) call.io.say(sentence);
      return EXIT.ok;
    });
  },
};

type Wish = Omit<PlayedSite, 'version' | 'facts' | 'feedUrl'>;

interface Preview extends Played {
  platform: Platform;
  /** What the gate says to the site's poll. */
  code: string;
}

function modelsFor({ values }: Call, product: Product): ClientModel[] {
  const asked = clientModels.filter(({ platform }) => textOf(values, platform) !== undefined);
  const stray = asked.find(({ platform }) => !product.platforms.includes(platform));
  if (stray) throw problem('INVALID_REQUEST', `${productPath(product)} is not made for ${stray.title}`);
  const models = asked.length > 0 ? asked : clientModels.filter(({ platform }) => product.platforms.includes(platform));
  if (models.length === 0) throw problem('INVALID_REQUEST', `${productPath(product)} has no platform`);
  return models;
}

async function playAll(
  core: Core,
  { values }: Call,
  product: Product,
  models: readonly ClientModel[],
  wish: Wish,
  reroute: Reroute,
): Promise<Preview[]> {
  const previews: Preview[] = [];
  for (const model of models) {
    const version = textOf(values, model.platform) ?? model.version;
    previews.push(await playOne(core, product, model, { ...wish, version }, reroute));
  }
  return previews;
}

async function playOne(
  core: Core,
  product: Product,
  model: ClientModel,
  wish: Omit<PlayedSite, 'facts' | 'feedUrl'>,
  reroute: Reroute,
): Promise<Preview> {
  const { platform, title } = model;
  const format = core.reconcile.ingest.formats.find((each) => each.platform === platform);
  const facts = format ? await newestFacts(core.db, product, platform, format.compareVersions) : null;
  const nothing = { platform, code: 'NOT_FOUND', offered: null, installs: null };
  if (product.retiredAt !== null)
    return { ...nothing, sentence: `${title} is offered nothing: the product is retired.` };
  if (facts === null)
    return {
      ...nothing,
      sentence: `${title} is offered nothing: no release is listed for it (see feedgate product lint).`,
    };
  const feedUrl = `${pageUrl(core.config.publicUrl, product)}/${model.document}`;
  const refusal = reroute(feedUrl) === feedUrl ? await model.refusal(feedUrl) : null;
  if (refusal !== null) return { ...nothing, sentence: `${refusal}.` };
  const played = await model.play({ ...wish, facts, feedUrl }, reroute);
  const { code, reason } = await gateWords(core, product, model, wish, played);
  const sentence = reason === null ? played.sentence : `${played.sentence.replace(/\.$/, '')}; ${reason}`;
  return { ...played, platform, code, sentence };
}

/** What the gate says of the same site, for reasons that no client is told. It is asked and records nothing. */
async function gateWords(
  { gate }: Core,
  product: Product,
  { platform, title, keyInFeed }: ClientModel,
  { key, host, kit }: Pick<PlayedSite, 'key' | 'host' | 'kit'>,
  { installs }: Played,
): Promise<{ code: string; reason: string | null }> {
  const ask = async (kind: 'feed' | 'download', keyText: string | null) => {
    const siteText = kit || keyInFeed ? host : null;
    const asked = await gate.ask(kind, [productPath(product)], { keyText, siteText, instanceText: null, platform });
    return asked?.verdict ?? null;
  };
  const sent = kit || keyInFeed ? key : null;
  const poll = await ask('feed', sent);
  const code = poll?.code ?? 'NOT_FOUND';
  if (sent === null && product.mode === 'strict') {
    const why = key === null ? 'no key was typed' : `${title} sends the key with the download only`;
    return { code, reason: `the product is strict, and ${why}.` };
  }
  const verdict = installs === false ? await ask('download', key) : poll;
  if (verdict === null || verdict.code === 'VALID' || verdict.code === 'OPEN') return { code, reason: null };
  return { code, reason: key === null ? null : lowerFirst(reasonOf(verdict.code)) };
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
