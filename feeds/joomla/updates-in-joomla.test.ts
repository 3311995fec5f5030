import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ZipFile } from 'yazl';
import type { JoomlaFacts } from '../../src/releases/release.ts';
import type { FeedInput } from '../../src/updates/feed-format.ts';
import { exampleFacts, exampleInput, exampleRelease, fixture } from './fixtures/example.ts';
import { componentInput, EVERY_TYPE } from './fixtures/scenarios.ts';
import { joomlaFormat } from './format.ts';
import { checkForUpdates } from './model/check.ts';
import { installUpdate } from './model/install.ts';
import { preUpdateCheck } from './model/pre-update-check.ts';
import type { Http, JoomlaSite } from './model/site.ts';
import { renderUpdates } from './updates.ts';

const JOOMLAS = ['4.4.0', '5.2.1', '6.0.0'];
const FEED_URL = 'https://updates.example.org/acme/shop/updates.xml';

function siteOf(joomla: string, facts: JoomlaFacts, changes: Partial<JoomlaSite> = {}): JoomlaSite {
  const { type, element, folder, client } = facts;
  const clientId = client === 'site' ? 0 : 1;
  return {
    joomla,
    php: '8.3.1',
    db: { type: 'mysql', version: '8.0.36' },
    minStability: 4,
    extensions: [{ type, element, folder, clientId, version: '1.0.0' }],
    extraQuery: '',
    feedUrl: FEED_URL,
    ...changes,
  };
}

/** Answers the feed and, under its download address, a file. */
function server(feed: string, file: { name: string; body: Uint8Array } | null = null): Http {
  return async ({ url }) => {
    if (url === FEED_URL) return { status: 200, headers: {}, body: Buffer.from(feed), url };
    if (!file || !url.includes('/download/')) return { status: 403, headers: {}, body: Buffer.from('no'), url };
    return {
      status: 200,
      headers: { 'content-disposition': `attachment; filename="${file.name}"` },
      body: file.body,
      url,
    };
  };
}

async function zipOf(path: string, content: string): Promise<Buffer> {
  const zip = new ZipFile();
  zip.addBuffer(Buffer.from(content), path);
  zip.end();
  const chunks: Buffer[] = [];
  for await (const chunk of zip.outputStream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

async function offeredBy(input: FeedInput, site: JoomlaSite) {
  const result = await checkForUpdates(site, server(renderUpdates(input)));
  expect(result.fatal).toBeNull();
  return { versions: result.offered.map((row) => row.version), warnings: result.warnings };
}

describe.each(JOOMLAS)('Joomla %s', (joomla) => {
  it.each(EVERY_TYPE)('offers and installs a $type for $client', async (type) => {
    const facts = exampleFacts(type);
    const body = await zipOf('example.xml', fixture(`manifests/${facts.type}.xml`));
    const hash = (name: string) => createHash(name).update(body).digest('hex');
    const file = {
      name: 'x.zip',
      size: body.length,
      sha256: hash('sha256'),
      sha384: hash('sha384'),
      sha512: hash('sha512'),
    };
    const feed = renderUpdates(exampleInput([exampleRelease({ facts, file })]));
    const http = server(feed, { name: joomlaFormat.downloadName(facts, '1.2.0'), body });
    const site = siteOf(joomla, facts, { extraQuery: 'dlid=KEY1' });

    const result = await checkForUpdates(site, http);
    expect(result).toMatchObject({ fatal: null, warnings: [] });
    expect(result.offered).toHaveLength(1);
    const [row] = result.offered;
    if (!row) throw new Error('nothing was offered');
    expect(row).toMatchObject({ version: '1.2.0', name: 'Example Shop' });
    expect(await installUpdate(site, row, http)).toMatchObject({
      outcome: 'installed',
      checksum: 'validated',
      downloadUrl: 'https://updates.example.org/acme/shop/download/1.2.0?dlid=KEY1',
    });
  });
});

describe('the golden feed', () => {
  const facts = exampleFacts();

  it.each([
    ['3.10.12', 4, []],
    ['4.0.6', 4, ['1.2.0']],
    ['4.4.0', 4, ['1.2.1']],
    ['5.1.0', 2, ['1.2.1']],
    ['5.2.1', 4, ['1.2.1']],
    ['5.2.1', 2, ['2.0.0-beta1']],
    ['5.20.0', 2, ['2.0.0-beta1']],
    ['6.0.0', 4, ['1.2.1']],
    ['6.0.0-alpha1', 4, ['1.2.1']],
    ['7.0.0', 4, []],
    ['7.0.0', 2, ['2.0.0-beta1']],
    ['50.1.0', 4, []],
  ] as const)('on Joomla %s with stability %d offers %j', async (joomla, minStability, versions) => {
    const offered = await offeredBy(componentInput(), siteOf(joomla, facts, { minStability }));
    expect(offered).toEqual({ versions, warnings: [] });
  });

  it('offers what PHP allows and says why not more', async () => {
    const { versions, warnings } = await offeredBy(
      componentInput(),
      siteOf('5.2.1', facts, { minStability: 2, php: '8.1.0' }),
    );
    expect(versions).toEqual(['1.2.1']);
    expect(warnings).toHaveLength(1);
  });

  it('lists a version whose file is refused, and the installation says so', async () => {
    const site = siteOf('4.0.6', facts);
    const http = server(renderUpdates(componentInput()));
    const { offered } = await checkForUpdates(site, http);
    expect(offered[0]?.infoUrl).toBe('https://updates.example.org/acme/shop/renew?v=1.2.0&from=feed');
    if (!offered[0]) throw new Error('nothing was offered');
    expect(await installUpdate(site, offered[0], http)).toMatchObject({ outcome: 'download-failed' });
  });

  it('shows what is installed as fit for the next Joomla', async () => {
    const site = siteOf('5.4.0', facts, {
      extensions: [{ type: 'component', element: 'com_example', folder: '', clientId: 1, version: '1.2.1' }],
    });
    expect(await preUpdateCheck(site, '6.0.0', server(renderUpdates(componentInput())))).toMatchObject({
      verdict: 'fit',
    });
  });
});
