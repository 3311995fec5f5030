import { describe, expect, it } from 'vitest';
import type { ArchiveView, DolibarrFacts } from '../../src/releases/release.ts';
import { dolibarrFiles } from '../../test/support/site-archives.ts';
import { readDescriptor } from './descriptor.ts';
import { dolibarrMover } from './mover.ts';

const FEED = 'https://updates.example.com/acme/hello/dolibarr.txt';

function tree(files: Record<string, string>): ArchiveView {
  return {
    files: Object.entries(files).map(([path, text]) => ({ path, size: text.length })),
    read: async (path) => Buffer.from(files[path] ?? '', 'latin1'),
  };
}

async function factsIn(files: Record<string, string>): Promise<DolibarrFacts> {
  const read = await readDescriptor(tree(files), null);
  if (!read.ok || read.facts.platform !== 'dolibarr') throw new Error('no descriptor');
  return read.facts;
}

async function moved(source: string, needsKey = true) {
  const [[name = '']] = Object.entries(dolibarrFiles({ version: '1.0.0' })) as [[string, string]];
  const facts = await factsIn(dolibarrFiles({ version: '1.0.0' }));
  // The zip has the folder that Dolibarr wants, the repository has not.
  const path = name.slice(name.indexOf('/') + 1);
  const wish = { facts, name: 'Hello', feedUrl: FEED, changelogUrl: null, needsKey };
  const plan = await dolibarrMover.move(tree({ [path]: source }), wish);
  return { ...plan, text: plan.edits[0] ? Buffer.from(plan.edits[0].after).toString('latin1') : source };
}

const [ORIGINAL = ''] = Object.values(dolibarrFiles({ version: '1.0.0' })).filter((text) =>
  text.includes('extends DolibarrModules'),
);

describe('a descriptor', () => {
  it('without an address gets one behind its version, which the reader then finds', async () => {
    const { text, remarks, place } = await moved(ORIGINAL.replaceAll(/.*url_last_version.*\n/g, ''));
    expect(place).toBe('core/modules/modHello.class.php');
    expect(text).toContain(
      `\n\t\t$this->url_last_version = '${FEED}?key='.urlencode(getDolGlobalString('HELLO_LICENSE_KEY')).'&domain='.urlencode(DOL_MAIN_URL_ROOT);`,
    );
    expect(remarks.join()).toContain('HELLO_LICENSE_KEY');
    const facts = await factsIn({ 'hello/core/modules/modHello.class.php': text });
    expect(facts.urlLastVersion).toContain(FEED);
    expect((await moved(text)).edits).toEqual([]);
  });

  it('with another address asks this one, in its own line ends and encoding', async () => {
    const old = ORIGINAL.replaceAll(/.*url_last_version.*\n/g, '')
      .replace(
        '$this->version',
        "// $this->url_last_version = 'https://comment.example';\n\t\t$this->url_last_version = 'https://old.example/'.\n\t\t\t'v.txt'; // \xe9\n\t\t$this->version",
      )
      .replaceAll('\n', '\r\n');
    const { text } = await moved(old, false);
    expect(text).toBe(
      old.replace("'https://old.example/'.\r\n\t\t\t'v.txt'", `'${FEED}?domain='.urlencode(DOL_MAIN_URL_ROOT)`),
    );
  });

  it('of a module with the client kit, or that is not there, is left alone', async () => {
    const kit = ORIGINAL.replace('$this->db = $db;', "$this->db = $db;\n$this->feedgateInit('hello');");
    expect(await moved(kit)).toMatchObject({ edits: [], remarks: [] });
    const facts = await factsIn(dolibarrFiles({ version: '1.0.0' }));
    const wish = { facts, name: 'Hello', feedUrl: FEED, changelogUrl: null, needsKey: true };
    const plan = await dolibarrMover.move(tree({ 'readme.md': '' }), wish);
    expect(plan).toMatchObject({ edits: [], place: null, remarks: [expect.stringContaining('url_last_version')] });
  });
});
