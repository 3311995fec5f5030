import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dolibarrFiles } from '../../test/support/site-archives.ts';
import { EXIT } from './command.ts';
import { newInstallation, type TestInstallation } from './test-cli.ts';

const PACKAGE = `<extension type="package" method="upgrade"><name>Shop</name><packagename>shop</packagename><version>1.2.0</version>
<updateservers><server type="extension" name="Shop">https://git.example.com/acme/shop/raw/branch/main/updates.xml</server></updateservers>
</extension>`;

function feed(change: (entry: string) => string = (entry) => entry): string {
  const entry = (version: string, tag: string) =>
    change(`<update><name>Shop</name><element>pkg_shop</element><type>package</type><client>site</client><version>${version}</version>
<downloads><downloadurl type="full" format="zip">https://x.example/${version}.zip</downloadurl></downloads><tags><tag>${tag}</tag></tags>
<targetplatform name="joomla" version="(4|5|6).*"/><sha256>${'a'.repeat(64)}</sha256></update>`);
  return `<?xml version="1.0"?><updates>${entry('1.2.0', 'stable')}${entry('1.3.0-beta1', 'beta')}</updates>`;
}

describe('convert', () => {
  let installation: TestInstallation;
  beforeEach(() => {
    // No address, no data folder: a plan needs neither.
    installation = newInstallation({ PUBLIC_URL: undefined, DATA_DIR: undefined });
  });
  afterEach(() => installation.remove());

  function put(path: string, text: string): string {
    const at = join(installation.folder, path);
    mkdirSync(dirname(at), { recursive: true });
    writeFileSync(at, text);
    return at;
  }

  async function plan(...argv: string[]) {
    const { code, json } = await installation.run('convert', ...argv, '--json');
    return {
      code,
      products: json.products as {
        title: string;
        verdict: string;
        faults: string[];
        remarks: string[];
        unreachable: string | null;
      }[],
    };
  }

  it('finds nothing to say against a good feed', async () => {
    const { code, products } = await plan(put('updates.xml', feed()));
    expect(code).toBe(EXIT.ok);
    expect(products).toMatchObject([
      { title: 'package pkg_shop', verdict: 'Sites see what they see now: 1.2.0.', faults: [] },
    ]);
  });

  it.each([
    ['no client', (entry: string) => entry.replace('<client>site</client>', ''), 'no <client>'],
    [
      'a strange channel',
      (entry: string) => entry.replace('>beta<', '>development<'),
      '"development" is no word of Joomla',
    ],
    ['an element without pkg_', (entry: string) => entry.replace('pkg_shop', 'shop'), 'begins with pkg_'],
    ['another type', (entry: string) => entry.replace('<type>package', '<type>component'), 'another type'],
    ['no platform', (entry: string) => entry.replace(/<targetplatform.*\/>/, ''), 'no <targetplatform'],
    [
      'an empty checksum',
      (entry: string) => entry.replace(/<sha256>.*<\/sha256>/, '<sha256></sha256>'),
      'empty checksum',
    ],
    ['a padded checksum', (entry: string) => entry.replace('<sha256>', '<sha256> '), 'blanks round it'],
  ])('names what is wrong: %s', async (_name, change, words) => {
    const { products } = await plan(put('updates.xml', feed(change)));
    expect(products[0]?.faults.join('\n')).toContain(words);
  });

  it('says of what was never offered what sites will see', async () => {
    const { products } = await plan(
      put(
        'updates.xml',
        feed((entry) => entry.replace('<client>site</client>', '')),
      ),
    );
    expect(products[0]?.verdict).toBe('Never offered so far; after conversion sites see 1.2.0.');
  });

  it('reads a folder of clones, and says who cannot be told', async () => {
    put('all/shop/.git/HEAD', '');
    put('all/shop/pkg_shop.xml', PACKAGE);
    put(
      'all/shop/updates.xml',
      feed((entry) => entry.replace('pkg_shop', 'shop')),
    );
    put('all/box/.git/HEAD', '');
    for (const [path, text] of Object.entries(dolibarrFiles({ version: '1.0.0' })))
      put(`all/box/${path.slice(path.indexOf('/') + 1)}`, text.replace(/.*url_last_version.*\n/g, ''));
    const out = join(installation.folder, 'plan.md');
    const { products } = await plan(join(installation.folder, 'all'), '--out', out);
    expect(products.map(({ title }) => title)).toEqual(['module hello', 'package pkg_shop']);
    expect(products[0]?.unreachable).toContain('mail its customers');
    expect(products[1]?.faults.join()).toContain('the element is not "pkg_shop"');
    const markdown = readFileSync(out, 'utf8');
    expect(markdown).toContain('| Joomla 5.4 | nothing | 1.2.0 |');
    expect(markdown).toMatch(/Who has to be written to[\s\S]*module hello/);
    const { said } = await installation.run('convert', join(installation.folder, 'all'));
    expect(said).toContain('Cannot be reached');
  });

  it('reads a list, and says what it cannot use', async () => {
    const one = put('a.xml', feed());
    const list = put('list.txt', `# ours\n${one}   # the shop\n\n`);
    expect((await plan('--list', list)).products).toHaveLength(1);
    expect((await plan(put('b.xml', 'no xml <')))?.products[0]).toMatchObject({
      faults: [expect.stringContaining('no feed')],
    });
    expect((await installation.run('convert', 'nowhere.xml')).code).toBe(EXIT.usage);
    expect((await installation.run('convert')).code).toBe(EXIT.usage);
    expect((await installation.run('convert', 'http://127.0.0.1:9/updates.xml')).code).toBe(EXIT.usage);
  });
});
