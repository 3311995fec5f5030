import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JoomlaFacts } from '../../src/releases/release.ts';
import { childOf, childText, parseXmlText, type XmlElement } from '../../src/releases/safe-xml.ts';
import type { FeedRelease } from '../../src/updates/feed-format.ts';
import { exampleFacts, exampleInput, exampleRelease, fixture } from './fixtures/example.ts';
import { componentInput, EVERY_TYPE, pluginInput } from './fixtures/scenarios.ts';
import { renderUpdates } from './updates.ts';

function entriesOf(releases: FeedRelease[]): XmlElement[] {
  const xml = parseXmlText(renderUpdates(exampleInput(releases)));
  if (!xml.ok) throw new Error(xml.detail);
  return xml.root.children;
}

function entryOf(changes: Partial<FeedRelease>, facts: Partial<JoomlaFacts> = {}): XmlElement | undefined {
  return entriesOf([exampleRelease({ ...changes, facts: exampleFacts(facts) })])[0];
}

describe('the whole feed', () => {
  it.each([
    ['component.updates.xml', componentInput()],
    ['plugin.updates.xml', pluginInput()],
  ])('%s', (name, input) => {
    expect(renderUpdates(input)).toBe(fixture(name));
  });

  it('is the same bytes every time', () => {
    expect(renderUpdates(componentInput())).toBe(renderUpdates(componentInput()));
  });

  it('is empty without releases', () => {
    expect(renderUpdates(exampleInput([]))).toBe('<?xml version="1.0" encoding="UTF-8"?>\n<updates/>\n');
  });
});

describe('the grammar that Joomla needs', () => {
  it.each(EVERY_TYPE)('client always, folder for plugins only: $type, $client', (facts) => {
    const entry = entryOf({}, facts);
    expect(childText(entry, 'client')).toBe(facts.client);
    expect(childText(entry, 'element')).toBe(facts.element);
    expect(childOf(entry, 'folder') !== undefined).toBe(facts.type === 'plugin');
  });

  it('has nothing but update in updates, and each element once in an update', () => {
    for (const entry of entriesOf(componentInput().releases)) {
      expect(entry.name).toBe('update');
      const names = entry.children.map((child) => child.name);
      expect(names).toEqual([...new Set(names)]);
      expect(childOf(entry, 'downloads')?.children).toHaveLength(1);
    }
  });

  it.each(['dev', 'alpha', 'beta', 'rc', 'stable'] as const)('tells %s by a tag', (clientWord) => {
    expect(childText(childOf(entryOf({ clientWord }), 'tags'), 'tag')).toBe(clientWord);
  });

  it('leaves empty hashes out and writes the others in lower case', () => {
    const file = { name: 'x', size: 1, sha256: 'ABCD', sha384: '', sha512: '' };
    const entry = entryOf({ file });
    expect(childText(entry, 'sha256')).toBe('abcd');
    expect(childOf(entry, 'sha384') ?? childOf(entry, 'sha512')).toBeUndefined();
  });

  it('takes the PHP version of the release before that of the manifest', () => {
    expect(childText(entryOf({ phpMinimum: '8.3' }, { phpMinimum: '8.1' }), 'php_minimum')).toBe('8.3');
    expect(childText(entryOf({}, { phpMinimum: '8.1' }), 'php_minimum')).toBe('8.1');
    expect(childOf(entryOf({}), 'php_minimum')).toBeUndefined();
  });

  it('names the changelog only where there is something in it', () => {
    expect(childOf(entryOf({}), 'changelogurl')).toBeUndefined();
    expect(childOf(entryOf({ notes: '<!-- nothing -->' }), 'changelogurl')).toBeUndefined();
    expect(childText(entryOf({ notes: 'Better.' }), 'changelogurl')).toMatch(/changelog\.xml$/);
  });
});

describe('what Joomla could not store or match', () => {
  it.each<[string, Partial<FeedRelease>]>([
    ['no target', { target: null }],
    ['a version above 32 characters', { version: '1'.repeat(33) }],
    ['an element above 100 characters', { facts: exampleFacts({ element: 'x'.repeat(101) }) }],
    ['a group above 20 characters', { facts: exampleFacts({ type: 'plugin', folder: 'x'.repeat(21) }) }],
  ])('%s is left out and the rest stays', (_name, changes) => {
    const entries = entriesOf([exampleRelease(changes), exampleRelease({ version: '1.0.0' })]);
    expect(entries.map((entry) => childText(entry, 'version'))).toEqual(['1.0.0']);
  });

  it('cuts the name to 100 characters and the description to 500', () => {
    const input = exampleInput([exampleRelease()]);
    const product = { ...input.product, name: 'n'.repeat(200), description: 'd\n'.repeat(2_000) };
    const xml = parseXmlText(renderUpdates({ ...input, product }));
    const entry = xml.ok ? xml.root.children[0] : undefined;
    expect(childText(entry, 'name')).toHaveLength(100);
    expect(childText(entry, 'description')).toHaveLength(500);
  });

  it('drops the oldest above 2 MB', () => {
    const input = exampleInput(Array.from({ length: 100 }, (_, i) => exampleRelease({ version: `1.0.${100 - i}` })));
    const long = { ...input, links: { ...input.links, info: () => `https://example.org/${'x'.repeat(50_000)}` } };
    const feed = renderUpdates(long);
    const versions = [...feed.matchAll(/<version>(.*?)<\/version>/g)].map((match) => match[1]);
    expect(Buffer.byteLength(feed)).toBeLessThan(2 * 1024 * 1024 + 200);
    expect(versions.length).toBeGreaterThan(35);
    expect(versions).toEqual(Array.from({ length: versions.length }, (_, i) => `1.0.${100 - i}`));
  });

  it('stays well-formed whatever a vendor writes', () => {
    const input = exampleInput([exampleRelease()]);
    const text = fc.string({ unit: 'binary', maxLength: 60 });
    fc.assert(
      fc.property(text, text, text, text, (name, description, organization, notes) => {
        const product = { ...input.product, name, description, organization };
        const xml = parseXmlText(renderUpdates({ ...input, product, releases: [exampleRelease({ notes })] }));
        expect(xml.ok).toBe(true);
      }),
    );
  });
});
