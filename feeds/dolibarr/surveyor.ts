import type { ArchiveView, DolibarrFacts } from '../../src/releases/release.ts';
import type { OldFeed, SurveyedProduct, Surveyor } from '../../src/updates/survey.ts';
import { readDescriptor } from './descriptor.ts';
import { describeCheck } from './model/check-sentence.ts';
import { checkForUpdate } from './model/update-check.ts';

const INSTALLED = '0.0.1';

export const dolibarrSurveyor: Surveyor = { platform: 'dolibarr', survey };

/** Of sources only: a Dolibarr feed is a bare number and does not say what it is for. */
async function survey(
  feeds: readonly OldFeed[],
  source: { name: string; view: ArchiveView } | null,
): Promise<SurveyedProduct[]> {
  if (source === null) return [];
  const read = await readDescriptor(source.view, null);
  if (!read.ok && read.problem.code === 'MANIFEST_MISSING') return [];
  const product: SurveyedProduct = {
    ...{
      platform: 'dolibarr',
      title: `module in ${source.name}`,
      from: [source.name],
      rows: [],
      faults: [],
      remarks: [],
    },
    unreachable: null,
  };
  if (!read.ok || read.facts.platform !== 'dolibarr')
    return [{ ...product, faults: read.ok ? [] : [`${read.problem.detail} ${read.problem.fix}`] }];
  return [await surveyed(product, read.facts, feeds)];
}

async function surveyed(
  product: SurveyedProduct,
  facts: DolibarrFacts,
  feeds: readonly OldFeed[],
): Promise<SurveyedProduct> {
  const { module, version, urlLastVersion, descriptorPath } = facts;
  const known = { ...product, title: `module ${module}`, from: [...product.from, descriptorPath] };
  const feed = feeds.find(({ from }) => /\.(?:txt|php)$/i.test(from));
  const client = 'Dolibarr';
  if (urlLastVersion === null) {
    const words = describeCheck(
      await checkForUpdate({ version: INSTALLED, urlLastVersion: null }, { get: async () => null }),
    );
    return {
      ...known,
      rows: [{ client, before: null, words, after: null }],
      unreachable: `its sites ask nobody ($this->url_last_version is not set in ${descriptorPath}), so no feed tells them: mail its customers a release that was adopted; from then on they are told`,
    };
  }
  const get = async () => (feed ? { status: 200, location: null, body: feed.bytes } : null);
  const check = await checkForUpdate(
    { version: INSTALLED, urlLastVersion: 'https://feed.invalid/version.txt' },
    { get },
  );
  const before = check.cause === 'newer' ? check.lastVersion : null;
  const words = feed ? describeCheck(check) : `It asks ${urlLastVersion}, which was not read here.`;
  const faults = feed && check.cause !== 'newer' ? [`${feed.from} tells no newer version: ${words}`] : [];
  return { ...known, faults, rows: [{ client, before, words, after: version }] };
}
