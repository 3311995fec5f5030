import { describe, expect, it } from 'vitest';
import { checkForUpdates } from './check.ts';
import { installUpdate } from './install.ts';
import { aFeed, anEntry, aSite, aWorld, aZip } from './test-world.ts';

const FEED = aFeed(anEntry());

describe('how the feed is fetched', () => {
  it('sends what Joomla sends, with 20 seconds of patience', async () => {
    const site = aSite({ feedUrl: ' https://updates.test/feed.xml\n' });
    const { http, asked } = aWorld({ 'https://updates.test/feed.xml': FEED });
    expect((await checkForUpdates(site, http)).offered).toHaveLength(1);
    expect(asked).toEqual([
      {
        url: 'https://updates.test/feed.xml',
        headers: { 'User-Agent': 'Mozilla/5.0 Joomla!/5.2.1 Joomla', Accept: '*/*' },
        timeoutMs: 20_000,
      },
    ]);
  });

  it.each([204, 304, 401, 403, 404, 410, 429, 500, 503])(
    'status %i: a warning that names the address, no offer',
    async (status) => {
      const site = aSite();
      const result = await checkForUpdates(site, aWorld({ [site.feedUrl]: { status, body: FEED } }).http);
      expect(result.offered).toEqual([]);
      expect(result.warnings).toMatchObject([{ kind: 'message', code: 'open', url: site.feedUrl }]);
    },
  );

  it('no answer at all is the same warning', async () => {
    expect((await checkForUpdates(aSite(), aWorld({}).http)).warnings).toMatchObject([{ code: 'open' }]);
  });

  it('43 an address that does not end in .xml is asked a second time, and one warning names that', async () => {
    const { http, asked } = aWorld({
      'https://u.test/feed/KEY': { status: 403 },
      'https://u.test/feed/KEY/extension.xml': { status: 403 },
    });
    const result = await checkForUpdates(aSite({ feedUrl: 'https://u.test/feed/KEY' }), http);
    expect(asked.map((request) => request.url)).toEqual([
      'https://u.test/feed/KEY',
      'https://u.test/feed/KEY/extension.xml',
    ]);
    expect(result.warnings).toMatchObject([{ code: 'open', url: 'https://u.test/feed/KEY/extension.xml' }]);
  });

  it('the tail goes behind a query too, and where it succeeds it becomes the details address', async () => {
    const { http } = aWorld({ 'https://u.test/f?key=K': 'no XML', 'https://u.test/f?key=K/extension.xml': FEED });
    const result = await checkForUpdates(aSite({ feedUrl: 'https://u.test/f?key=K' }), http);
    expect(result.offered).toMatchObject([{ detailsUrl: 'https://u.test/f?key=K/extension.xml' }]);
    expect(result.warnings).toEqual([]);
  });

  it('a plugin that adds a query to an address ending in .xml makes Joomla ask the same twice', async () => {
    const { http, asked } = aWorld({});
    const plugin = (url: string) => ({ url: `${url}?dlid=K`, headers: {} });
    await checkForUpdates(aSite({ joomla: '5.3.0', plugin }), http);
    const url = 'https://updates.test/feed.xml?dlid=K';
    expect(asked.map((request) => request.url)).toEqual([url, url]);
  });

  it('a slash at the end is not doubled', async () => {
    const { http, asked } = aWorld({});
    await checkForUpdates(aSite({ feedUrl: 'https://u.test/feed/' }), http);
    expect(asked.at(-1)?.url).toBe('https://u.test/feed/extension.xml');
  });
});

describe('44 an installer plugin', () => {
  const headers = { 'X-Key': 'K' };
  const plugin = (url: string) => ({ url: `${url}?dlid=K`, headers });
  const downloadPlugin = (url: string) => ({ url, headers });

  it('changes the feed request from 5.3 on; details keep the address and lose the header; the download has its own event', async () => {
    const site = aSite({ joomla: '5.3.0', plugin, downloadPlugin });
    const { http, asked } = aWorld({
      'https://updates.test/feed.xml?dlid=K': FEED,
      'https://updates.test/dl/ex.zip': { body: await aZip() },
    });
    const result = await checkForUpdates(site, http);
    const [row] = result.offered;
    if (row === undefined) throw new Error('nothing is offered');
    expect((await installUpdate(site, row, http)).outcome).toBe('installed');
    expect(asked.map((request) => [request.url, request.headers['X-Key']])).toEqual([
      ['https://updates.test/feed.xml?dlid=K', 'K'],
      ['https://updates.test/feed.xml?dlid=K', undefined],
      ['https://updates.test/dl/ex.zip', 'K'],
    ]);
  });

  it('is not asked about feeds before 5.3', async () => {
    const { http, asked } = aWorld({ 'https://updates.test/feed.xml': FEED });
    await checkForUpdates(aSite({ joomla: '5.2.1', plugin }), http);
    expect(asked.map((request) => request.url)).toEqual(['https://updates.test/feed.xml']);
  });
});
