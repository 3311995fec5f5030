import { describe, expect, it } from 'vitest';
import { dolibarrFormat } from '../../feeds/dolibarr/format.ts';
import { exampleFacts } from '../../feeds/joomla/fixtures/example.ts';
import { joomlaFormat } from '../../feeds/joomla/format.ts';
import { gatedProduct } from '../../test/support/seed-ledger.ts';
import { type Verdict, verdict } from '../licensing/verdict.ts';
import { type Product, ProductSettings } from '../releases/product.ts';
import type { PackageFacts, Platform } from '../releases/release.ts';
import type { ArtifactRecord, ReleaseRecord } from '../releases/store-releases.ts';
import {
  cutPerChannel,
  downloadUrl,
  feedInput,
  fittingReleases,
  KEY_PLACE,
  pageUrl,
  type ServedRelease,
  servedReleases,
  visibilityOf,
} from './feed-releases.ts';

function aRelease(version: string, change: Partial<ReleaseRecord> = {}): ReleaseRecord {
  return {
    id: `rel_${version}`,
    productId: 'prd-a',
    version,
    tag: version,
    commitId: '',
    forgeReleaseId: null,
    channel: 'stable',
    clientWord: 'stable',
    notes: '',
    changelog: [],
    security: false,
    targets: {},
    phpMinimum: null,
    webUrl: '',
    state: 'listed',
    fingerprint: '',
    firstSeenAt: '2026-01-01T00:00:00.000Z',
    updatedAt: '2026-01-01T00:00:00.000Z',
    withdrawnAt: null,
    yankedAt: null,
    yankedBy: null,
    yankReason: null,
    ...change,
  };
}

function anArtifact(
  version: string,
  facts: PackageFacts = exampleFacts(),
  change: Partial<ArtifactRecord> = {},
): ArtifactRecord {
  return {
    id: `art_${version}_${facts.platform}`,
    releaseId: `rel_${version}`,
    platform: facts.platform,
    fileName: 'any.zip',
    size: 10,
    sha256: 'a',
    sha384: 'b',
    sha512: 'c',
    facts,
    source: { kind: 'archive', tag: version, commit: '' },
    repack: null,
    listed: true,
    createdAt: '2026-01-01T00:00:00.000Z',
    ...change,
  };
}

const MODULE: PackageFacts = {
  platform: 'dolibarr',
  module: 'example',
  className: 'modExample',
  version: null,
  description: '',
  numero: null,
  phpMin: null,
  phpMax: null,
  dolibarrMin: [18, 0],
  dolibarrMax: null,
  editorName: null,
  editorUrl: null,
  urlLastVersion: null,
  descriptorPath: '',
  rootPath: '',
};

function aProduct(change: Partial<Product> = {}): Product {
  return {
    ...gatedProduct(),
    organizationSlug: 'acme',
    organizationName: 'Acme',
    organizationRenewUrl: null,
    organizationSupportUrl: null,
    slug: 'hello',
    edition: '',
    name: 'Hello',
    description: '',
    platforms: ['joomla'],
    settings: ProductSettings.parse({}),
    revision: 1,
    retiredAt: null,
    createdAt: '2026-01-01T00:00:00.000Z',
    ...change,
  };
}

const versionsOf = (served: readonly ServedRelease[]) => served.map(({ version }) => version);

describe('servedReleases', () => {
  it('orders as the client does and names the file as it accepts it', () => {
    const versions = ['1.9.0', '1.10.0', '2.0.0-rc.1', '2.0.0', '2.0.0-beta.1'];
    const served = servedReleases(
      joomlaFormat,
      versions.map((version) => aRelease(version)),
      versions.map((version) => anArtifact(version)),
    );
    expect(versionsOf(served)).toEqual(['2.0.0', '2.0.0-rc.1', '2.0.0-beta.1', '1.10.0', '1.9.0']);
    expect(served[0]?.fileName).toBe('com_example-2.0.0.zip');
  });

  it.each<[string, Partial<ReleaseRecord>, Partial<ArtifactRecord>]>([
    ['withheld', { state: 'withheld' }, {}],
    ['withdrawn', { state: 'withdrawn' }, {}],
    ['yanked', { yankedAt: '2026-02-01T00:00:00.000Z' }, {}],
    ['of which the file has a fault', {}, { listed: false }],
    ['of another platform', {}, { platform: 'dolibarr', facts: MODULE }],
  ])('leaves out what is %s', (_, release, artifact) => {
    const artifacts = [anArtifact('1.0.0', exampleFacts(), artifact)];
    expect(servedReleases(joomlaFormat, [aRelease('1.0.0', release)], artifacts)).toEqual([]);
  });

  it('takes of each release the file of its own platform', () => {
    const artifacts = [anArtifact('1.0.0'), anArtifact('1.0.0', MODULE)];
    const platforms = [joomlaFormat, dolibarrFormat].map((format) =>
      servedReleases(format, [aRelease('1.0.0')], artifacts).map(({ artifact }) => artifact.platform),
    );
    expect(platforms).toEqual<Platform[][]>([['joomla'], ['dolibarr']]);
  });
});

describe('cutPerChannel', () => {
  it('keeps the first twenty of each channel', () => {
    const of = (channel: string, count: number) =>
      Array.from({ length: count }, (_, i) => ({
        release: { channel, version: `${channel}-${i}` } as ServedRelease,
        access: 'file' as const,
      }));
    const cut = cutPerChannel([...of('stable', 25), ...of('rc', 3), ...of('stable', 1)]);
    expect(cut.map(({ release }) => release.version)).toEqual([
      ...of('stable', 20).map(({ release }) => release.version),
      ...of('rc', 3).map(({ release }) => release.version),
    ]);
  });
});

describe('fittingReleases', () => {
  const product = aProduct({ platforms: ['dolibarr'] });
  const served = servedReleases(
    dolibarrFormat,
    [aRelease('1.0.0'), aRelease('2.0.0', { targets: { dolibarr: { min: '20', max: null } } })],
    [anArtifact('1.0.0', MODULE), anArtifact('2.0.0', MODULE)],
  );

  it.each([
    ['22.0.0', ['2.0.0', '1.0.0']],
    ['19.0.1', ['1.0.0']],
    ['17.0.0', []],
    ['', ['2.0.0', '1.0.0']],
  ])('on a client of version "%s": %j', (clientVersion, expected) => {
    expect(versionsOf(fittingReleases(dolibarrFormat, product, served, clientVersion))).toEqual(expected);
  });

  it('looks at what the product says where the release says nothing', () => {
    const settings = ProductSettings.parse({ targets: { dolibarr: { min: '21', max: null } } });
    const fitting = fittingReleases(dolibarrFormat, { ...product, settings }, served, '20.0.0');
    expect(versionsOf(fitting)).toEqual(['2.0.0']);
  });

  it('leaves it to a client that looks by itself', () => {
    expect(fittingReleases(joomlaFormat, product, served, '3.10.0')).toBe(served);
  });
});

describe('visibilityOf', () => {
  const open = (change: Partial<Verdict>): Verdict => ({
    ...verdict({ now: 0, kind: 'feed', product: gatedProduct({ mode: 'open' }), key: { kind: 'none' }, site: null }),
    ...change,
  });
  const remainder = { kind: 'owned' as const, before: 1, channels: ['stable'] };

  it('differs wherever a verdict opens something else', () => {
    const verdicts = [
      open({}),
      open({ channels: ['stable'] }),
      open({ channels: ['stable', 'rc'] }),
      open({ security: true }),
      open({ remainders: [remainder] as unknown as Verdict['remainders'] }),
      open({ remainders: [{ ...remainder, before: 2 }] as unknown as Verdict['remainders'] }),
      open({ remainders: [{ ...remainder, kind: 'shown' }] as unknown as Verdict['remainders'] }),
    ];
    expect(new Set(verdicts.map(visibilityOf)).size).toBe(verdicts.length);
  });

  it('is the same for two keys that open the same, and no code or claim is in it', () => {
    const channels = ['stable'];
    expect(visibilityOf(open({ channels, code: 'VALID' }))).toBe(visibilityOf(open({ channels, code: 'GRACE' })));
    expect(visibilityOf(open({ allowed: false, channels }))).toBe(visibilityOf(open({ allowed: false })));
  });
});

describe('feedInput', () => {
  const product = aProduct({ edition: 'pro' });
  const [served] = servedReleases(joomlaFormat, [aRelease('1.0.0+5')], [anArtifact('1.0.0+5')]);
  const base = { publicUrl: 'https://updates.example.com', product, keyed: false };
  const input = (keyed: boolean, access: 'file' | 'listed' = 'file', of: Product = product) =>
    feedInput({ ...base, product: of, keyed }, served ? [{ release: served, access }] : []);
  const linksOf = ({ releases, links }: ReturnType<typeof input>) => {
    const [release] = releases;
    if (!release) throw new Error('the release is gone');
    return { download: links.download(release), info: links.info(release), changelog: links.changelog };
  };

  it('links to the file, the page and the changelog of the edition', () => {
    expect(linksOf(input(false))).toEqual({
      download: 'https://updates.example.com/acme/hello/pro/download/1.0.0%2B5/com_example-1.0.0_5.zip',
      info: 'https://updates.example.com/acme/hello/pro',
      changelog: 'https://updates.example.com/acme/hello/pro/changelog.xml',
    });
  });

  it('leaves a place for the key in what a client fetches without asking for it, and not in the link for people', () => {
    const links = linksOf(input(true));
    expect(links.download).toContain(`/k/${KEY_PLACE}/acme/hello/pro/download/`);
    expect(links.changelog).toContain(`/k/${KEY_PLACE}/acme/hello/pro/changelog.xml`);
    expect(links.info).not.toContain(KEY_PLACE);
  });

  it('leads from what is only shown to renewal', () => {
    expect(linksOf(input(false, 'listed')).info).toBe('https://updates.example.com/acme/hello/pro#renew');
    const settings = ProductSettings.parse({ renewUrl: 'https://shop.example.com/', infoUrl: 'https://acme.example/' });
    expect(linksOf(input(false, 'listed', { ...product, settings })).info).toBe('https://shop.example.com/');
    expect(linksOf(input(false, 'file', { ...product, settings })).info).toBe('https://acme.example/');
  });

  it('takes from the product what neither the release nor the file says', () => {
    const settings = ProductSettings.parse({ targets: { joomla: { min: '5', max: '6' } }, phpMinimum: '8.1' });
    const [release] = input(false, 'file', { ...product, settings }).releases;
    expect(release).toMatchObject({ target: { min: '5', max: '6' }, phpMinimum: '8.1', downloadable: true });
    expect(input(false).releases[0]).toMatchObject({ target: null, phpMinimum: null });
  });
});

describe('addresses', () => {
  it('encode what a path cannot hold', () => {
    const page = pageUrl('https://x.example', { organizationSlug: 'a.b', slug: 'c d', edition: '' });
    expect(page).toBe('https://x.example/a.b/c%20d');
    expect(downloadUrl(page, '1/2', 'ü.zip')).toBe('https://x.example/a.b/c%20d/download/1%2F2/%C3%BC.zip');
  });
});
