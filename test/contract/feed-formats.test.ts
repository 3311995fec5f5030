import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { zipOf } from '../../feeds/dolibarr/fixtures/test-sample.ts';
import { clientModels, feedFormats } from '../../feeds/index.ts';
import { archiveOf, exampleContext, exampleInput, exampleRelease } from '../../feeds/joomla/fixtures/example.ts';
import { KEY_SCAN_PATTERN, newKeyText } from '../../src/licensing/license-key.ts';
import { editionFault } from '../../src/releases/product.ts';
import { CLIENT_WORDS, PLATFORMS, RELEASE_PROBLEM_CODES, type ReleaseProblem } from '../../src/releases/release.ts';
import { parseXml, type XmlElement } from '../../src/releases/safe-xml.ts';
import type { FeedDocument, FeedInput, FeedRelease } from '../../src/updates/feed-format.ts';
import { sampleOf } from './feed-samples.ts';

const LINK = `https://updates.example.org/download/1.2.0?a=1&amp;b=<">']]>`;
const EVIL = `<script>"x"</script> & ]]> <!-- &lt; <![CDATA[ ' \u0000 \uD800 \uFFFF \u{1F600}`;

/** Every text that a vendor writes, in one word each; what is told of the same release must have the same shape. */
function inputWith(text: string, release: Partial<FeedRelease> & Pick<FeedRelease, 'facts'>): FeedInput {
  const changelog = [{ word: 'fix' as const, items: [text, text] }];
  const common = { ...release, notes: text, changelog };
  const input = exampleInput([
    exampleRelease(common),
    exampleRelease({ ...common, version: '1.1.0', downloadable: false, security: true }),
    exampleRelease({ ...common, version: '1.3.0-rc1', channel: 'rc', clientWord: 'rc', changelog: [] }),
  ]);
  return {
    product: { name: text, description: text, organization: text, websiteUrl: 'https://acme.example.org/' },
    releases: input.releases,
    links: { ...input.links, download: () => LINK },
  };
}

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(frozen);
  return value;
}

function xmlOf(body: string): XmlElement {
  const parsed = parseXml(Buffer.from(body));
  if (!parsed.ok) throw new Error(parsed.detail);
  return parsed.root;
}

const shapeOf = ({ name, attributes, children }: XmlElement): unknown => [
  name,
  Object.keys(attributes),
  children.map(shapeOf),
];
const textsOf = ({ text, children }: XmlElement): string[] => [text, ...children.flatMap(textsOf)];

interface Kind {
  /** Throws where a body breaks the rules of its kind; gives what no text of a vendor may change. */
  shape(body: string): unknown;
  /** Every text in it, unescaped. */
  texts(body: string): string[];
}

/** By content type. */
const KINDS: Record<string, Kind> = {
  'application/xml; charset=utf-8': {
    shape: (body) => shapeOf(xmlOf(body)),
    texts: (body) => textsOf(xmlOf(body)).map((text) => text.trim()),
  },
  // A bare version: Dolibarr reads 30 bytes or more as a failure.
  'text/plain; charset=utf-8': {
    shape(body) {
      if (!/^(?:[A-Za-z0-9._-]{1,28}\n)?$/.test(body)) throw new Error('it is no version on a line of its own');
      return body;
    },
    texts: (body) => [body.trim()],
  },
};

function kindOf({ fileName, contentType }: FeedDocument): Kind {
  const kind = KINDS[contentType];
  if (kind) return kind;
  throw new Error(`${fileName} is ${contentType}: add to KINDS in this test when a document of that type is whole`);
}

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.constantFrom('', EVIL, '\uDC00', '../..', 'https://[', 'https://x/%', 'x'.repeat(5_000)),
);

function expectProblem({ code, severity, platform, detail, fix }: ReleaseProblem, own: string): void {
  expect(RELEASE_PROBLEM_CODES).toContain(code);
  expect(['error', 'warning']).toContain(severity);
  expect([null, own]).toContain(platform);
  expect([detail, fix]).not.toContain('');
}

it('every platform has one format and one client model', () => {
  const platforms = PLATFORMS.toSorted();
  expect(feedFormats.map(({ platform }) => platform).toSorted()).toEqual(platforms);
  expect(clientModels.map(({ platform }) => platform).toSorted()).toEqual(platforms);
});

it('no two documents have one address, and no edition can take it', () => {
  const names = feedFormats.flatMap(({ documents }) => documents.map(({ fileName }) => fileName));
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(editionFault(name)).toContain('is an address of Feedgate itself');
});

describe.each(feedFormats.map((format) => [format.title, format] as const))('%s', (_title, format) => {
  const sample = sampleOf(format);
  const tame = sample.facts('Example');

  it('has the document that its client polls', () => {
    const polled = clientModels.find(({ platform }) => platform === format.platform)?.document;
    expect(format.documents.filter(({ kind }) => kind === 'feed').map(({ fileName }) => fileName)).toContain(polled);
  });

  describe.each(format.documents.map((document) => [document.fileName, document] as const))('%s', (_name, document) => {
    const kind = kindOf(document);

    it('is whole, and is more than nothing when there are releases', () => {
      const body = document.render(inputWith('Example', { facts: tame }));
      kind.shape(body);
      expect(body).not.toBe(document.empty);
    });

    it('is `empty` without releases, and that is whole too', () => {
      const nothing = { ...inputWith('Example', { facts: tame }), releases: [] };
      expect(document.render(nothing)).toBe(document.empty);
      kind.shape(document.empty);
    });

    it('is the same bytes for the same input, which it leaves as it is', () => {
      const input = () => frozen(inputWith('Example', { facts: sample.facts('Example') }));
      const once = input();
      const body = document.render(once);
      expect([document.render(once), document.render(input())]).toEqual([body, body]);
    });

    it('has the same shape whatever a vendor writes', () => {
      const wanted = kind.shape(document.render(inputWith('Example', { facts: tame })));
      expect(kind.shape(document.render(inputWith(EVIL, { facts: sample.facts(EVIL) })))).toEqual(wanted);
    });

    it('is whole for any text', () => {
      fc.assert(
        fc.property(anyText, anyText, (text, other) => {
          kind.shape(document.render(inputWith(text, { facts: sample.facts(other) })));
        }),
        { numRuns: 60 },
      );
    });

    it('tells no key, even where the package itself holds one', () => {
      const key = newKeyText();
      expect(key).toMatch(KEY_SCAN_PATTERN);
      const file = { ...exampleRelease().file, name: `${key}.zip` };
      const body = document.render(inputWith('Example', { facts: sample.facts(key), file }));
      expect(KEY_SCAN_PATTERN.test(body)).toBe(false);
      expect(body).not.toContain(key);
    });
  });

  it('tells the address of the download as it is, escaped', () => {
    const input = inputWith(EVIL, { facts: tame });
    const told = format.documents
      .filter(({ kind }) => kind === 'feed')
      .flatMap((document) => kindOf(document).texts(document.render(input)));
    expect(told).toContain(LINK);
  });

  it.each(['1.2.0', '1.2.0-rc.1', '2.0.0-beta1+build.5', 'v1.0', '1.0; x="', '1.0\r\nX: y', '../1 ä', ''])(
    'gives a download of version %j a name and a form that the client takes',
    async (version) => {
      const archive = archiveOf(sample.contents);
      const result = await format.read(archive, null);
      if (!result.ok) throw new Error(result.problem.detail);
      const plan = format.repack(result.facts, archive.files) ?? { strip: '', prefix: '' };
      const packed = Object.entries(sample.contents)
        .filter(([path]) => path.startsWith(plan.strip))
        .map(([path, text]) => [plan.prefix + path.slice(plan.strip.length), text]);
      const name = format.downloadName(result.facts, version);
      expect(name).toMatch(/^[A-Za-z0-9._-]+\.zip$/);
      expect(await sample.takes(name, await zipOf(Object.fromEntries(packed)))).toBe(true);
    },
  );

  it('orders any two versions the same from either side', () => {
    const part = fc.oneof(
      fc.nat(30).map(String),
      fc.constantFrom('.', '-', '+', '_', 'v', 'dev', 'a', 'beta', 'rc', 'RC', 'pl', 'p', '#', 'x', ''),
    );
    // As PHP has it, a text that ends in a separator is below itself.
    const version = fc
      .oneof(
        fc.array(part, { maxLength: 8 }).map((parts) => parts.join('')),
        anyText,
      )
      .filter((text) => /^$|[A-Za-z0-9]$/.test(text));
    fc.assert(
      fc.property(version, version, (a, b) => {
        const order = Math.sign(format.compareVersions(a, b));
        expect([-1, 0, 1]).toContain(order);
        expect(order + Math.sign(format.compareVersions(b, a))).toBe(0);
        expect(format.compareVersions(a, a)).toBe(0);
      }),
      { numRuns: 500 },
    );
  });

  it('says of a client of any version whether a release fits, or leaves it to the client', () => {
    fc.assert(
      fc.property(anyText, (version) => {
        expect(typeof (format.fits?.({ target: { min: '4', max: null }, facts: tame }, version) ?? true)).toBe(
          'boolean',
        );
      }),
    );
  });

  it('finds a problem in rubbish, whatever its files are called', async () => {
    const hint = fc.option(fc.oneof(anyText, fc.constant('example')), { nil: null });
    const paths = fc.uniqueArray(fc.oneof(fc.constantFrom(...Object.keys(sample.contents)), anyText), { maxLength: 6 });
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 200 }), anyText);
    await fc.assert(
      fc.asyncProperty(
        paths,
        fc.array(bytes, { minLength: 6, maxLength: 6 }),
        hint,
        async (names, contents, wanted) => {
          const files = Object.fromEntries(names.map((name, at) => [name, contents[at] ?? '']));
          const result = await format.read(archiveOf(files), wanted);
          if (result.ok) throw new Error('it read facts out of rubbish');
          expectProblem(result.problem, format.platform);
        },
      ),
    );
  });

  it('reads what was cut off anywhere without throwing', async () => {
    const length = Math.max(...Object.values(sample.contents).map((text) => text.length));
    await fc.assert(
      fc.asyncProperty(fc.nat(length), async (end) => {
        const cut = Object.entries(sample.contents).map(([path, text]) => [path, text.slice(0, end)]);
        const result = await format.read(archiveOf(Object.fromEntries(cut)), null);
        if (!result.ok) expectProblem(result.problem, format.platform);
      }),
    );
  });

  it('looks for problems in anything without throwing', () => {
    const end = fc.option(anyText, { nil: null });
    const files = fc.array(fc.record({ path: anyText, size: fc.nat() }), { maxLength: 5 });
    const odd = fc.record({
      facts: anyText.map((text) => sample.facts(text)),
      files,
      fileName: anyText,
      tag: anyText,
      version: anyText,
      clientWord: fc.constantFrom(...CLIENT_WORDS),
      target: fc.option(fc.record({ min: end, max: end }), { nil: null }),
      targetDeclared: fc.boolean(),
      mode: fc.constantFrom('open' as const, 'listed' as const, 'strict' as const),
      feedUrls: fc.array(anyText, { maxLength: 3 }),
      earlier: fc.option(
        anyText.map((text) => sample.facts(text)),
        { nil: null },
      ),
    });
    fc.assert(
      fc.property(odd, (context) => {
        for (const problem of format.lint(exampleContext(context))) expectProblem(problem, format.platform);
      }),
    );
  });
});

it('a format without a sample says what is missing', () => {
  const [format] = feedFormats;
  const planted = { ...format, platform: 'wordpress' } as unknown as (typeof feedFormats)[number];
  expect(() => sampleOf(planted)).toThrow('add a line for it to SAMPLES in test/contract/feed-samples.ts');
});
