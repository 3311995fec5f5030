import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dolibarrFormat } from '../../feeds/dolibarr/format.ts';
import type { FeedRelease } from '../../src/updates/feed-format.ts';
import { hasPhp, type LocalServer, runPhp, startServer, unpackedKit } from './kit-php/run-kit.ts';

const run = hasPhp() ? describe : describe.skip;
const INSTANCE = createHash('sha256').update('dolibarr84b5bc91f83b56e458db71e0adac2b62').digest('hex');
const VALID = {
  valid: true,
  code: 'VALID',
  detail: 'ok',
  valid_until: '2027-03-03T00:00:00.000Z',
  limits: { sites: { used: 1, max: 1 } },
};
const EXPIRED = {
  valid: false,
  code: 'EXPIRED',
  detail: 'Ended on <3 March>',
  renew_url: 'https://shop.example/renew?a=1&b=2',
  unknown: {},
};
const EMPTY = feed([]);

/** The document as the server itself renders it. */
function feed(
  releases: { version: string; downloadable?: boolean; min?: string; max?: string; php?: string }[],
): string {
  const document = dolibarrFormat.documents.find((one) => one.fileName === 'dolibarr.xml');
  if (!document) throw new Error('no dolibarr.xml');
  const input = releases.map(
    ({ version, downloadable = true, min, max, php }): FeedRelease => ({
      version,
      channel: 'stable',
      clientWord: 'stable',
      downloadable,
      security: false,
      firstSeenAt: 0,
      notes: '',
      changelog: [],
      target: min || max ? { min: min ?? null, max: max ?? null } : null,
      phpMinimum: php ?? null,
      facts: {
        platform: 'dolibarr',
        module: 'shop',
        className: 'modShop',
        version,
        description: '',
        numero: 1,
        phpMin: null,
        phpMax: null,
        dolibarrMin: [19, -3],
        dolibarrMax: null,
        editorName: null,
        editorUrl: null,
        urlLastVersion: null,
        descriptorPath: '',
        rootPath: '',
      },
      file: { name: 'x.zip', size: 1, sha256: 'a', sha384: 'b', sha512: 'c' },
    }),
  );
  return document.render({
    product: { name: 'Shop', description: '', organization: 'Acme', websiteUrl: null },
    releases: input,
    links: {
      download: (release) => `https://files.example/module_shop-${release.version}.zip`,
      info: () => 'https://acme.example/info',
      changelog: '',
    },
  });
}

function phpString(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}

run('the Dolibarr kit', () => {
  let server: LocalServer;
  let kit: string;

  beforeAll(async () => {
    server = await startServer();
    kit = unpackedKit({ platform: 'dolibarr', serverUrl: server.url });
  });
  afterAll(() => server.close());

  async function inDolibarr(code: string, env: Record<string, string> = {}): Promise<never> {
    server.asked.length = 0;
    return (await runPhp('dolibarr', kit, code, env)) as never;
  }

  it('passes php -l in every file', () => {
    const files = readdirSync(kit, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.php'));
    expect(files).toHaveLength(2);
    for (const file of files) execFileSync('php', ['-l', join(kit, file)], { stdio: 'pipe' });
  });

  it('sends what its page says, and nothing else', async () => {
    server.answer.feed = feed([{ version: '1.1.0' }]);
    server.answer.verdict = VALID;
    const code = `$module = new modShop($db, 'shop/pro'); $text = $module->url_last_version; $conf->global->SHOP_FEEDGATE_KEY = 'K 1'; $keyed = (new modShop($db))->url_last_version; check(); say([$text, $keyed]);`;
    const facts = (document: string, product: string, key: string): string =>
      `/updates/acme/${product}/${document}?${key}instance=${INSTANCE}&site=erp.example.org&dolibarr=22.0.4&installed=1.0.0&php=`;
    const [text, keyed] = (await inDolibarr(code)) as [string, string];
    expect(text).toContain(facts('dolibarr.txt', 'shop/pro', ''));
    expect(keyed).toContain(facts('dolibarr.txt', 'shop', 'key=K%201&'));
    expect(server.asked).toHaveLength(2);
    expect(server.asked[0]?.url).toContain(facts('dolibarr.xml', 'shop', 'key=K%201&'));
    expect(server.asked[1]?.method).toBe('POST');
    expect(JSON.parse(server.asked[1]?.body ?? '')).toEqual({
      key: 'K 1',
      product: 'acme/shop',
      version: '1.0.0',
      site: 'erp.example.org',
      instance: INSTANCE,
    });
  });

  it('asks nothing until somebody asks', async () => {
    expect(
      await inDolibarr(`new modShop($db); page(); say([(new modShop($db))->feedgateState()['contact']]);`),
    ).toEqual([false]);
    expect(server.asked).toEqual([]);
  });

  it.each([
    [
      'a newer version',
      feed([{ version: '1.0.0' }, { version: '1.1.0' }, { version: '1.0.5' }]),
      VALID,
      [1, '1.1.0', true, '', 0],
    ],
    ['the installed version', feed([{ version: '1.0.0' }]), VALID, [0, '1.0.0', false, '', 0]],
    ['older ones', feed([{ version: '0.9.0' }]), EXPIRED, [0, '0.9.0', false, '', 0]],
    ['nothing for a valid key', EMPTY, VALID, [0, '', false, '', 0]],
    [
      'nothing for an ended key',
      EMPTY,
      EXPIRED,
      [-1, '', false, 'Ended on <3 March> Renew or extend: https://shop.example/renew?a=1&b=2', 1],
    ],
    [
      'a version that is only shown',
      feed([{ version: '1.1.0', downloadable: false }]),
      EXPIRED,
      [1, '1.1.0', true, 'Ended on <3 March> Renew or extend: https://shop.example/renew?a=1&b=2', 1],
    ],
    [
      'nothing, and no word of the key',
      EMPTY,
      null,
      [-1, '', false, 'The update server does not give this version out', 1],
    ],
    [
      'versions that do not run here',
      feed([
        { version: '3.0.0', min: '23' },
        { version: '2.0.0', max: '21' },
        { version: '1.9.0', php: '99.0' },
        { version: '1.5.0', min: '22', max: '22' },
      ]),
      VALID,
      [1, '1.5.0', true, '', 0],
    ],
    ['an empty answer', '', VALID, [-1, '', false, expect.stringContaining('did not answer'), 1]],
    [
      'an error page',
      '<html><body>404</body></html>',
      VALID,
      [-1, '', false, expect.stringContaining('did not answer'), 1],
    ],
    ['half a document', EMPTY.slice(0, -5), VALID, [-1, '', false, expect.stringContaining('did not answer'), 1]],
    ['a bare number', '9.9.9', VALID, [-1, '', false, expect.stringContaining('did not answer'), 1]],
  ])('makes of %s the right thing', async (_name, document, verdict, expected) => {
    server.answer.feed = document;
    server.answer.verdict = verdict;
    expect(await inDolibarr(`say(check('KEY1'));`)).toEqual(expected);
  });

  it('says that no key is set where an empty list means that', async () => {
    server.answer.feed = EMPTY;
    expect(await inDolibarr(`say(check());`)).toEqual([-1, '', false, 'No license key is set', 1]);
    expect(server.asked).toHaveLength(1);
  });

  it.each(['14.0.5', '18.0.0-beta', '19.0.0-alpha', '24.0.0'])(
    'reads the range of the descriptor on Dolibarr %s',
    async (version) => {
      server.answer.feed = feed([{ version: '1.1.0' }]);
      server.answer.verdict = VALID;
      const runs = Number.parseInt(version, 10) >= 19;
      expect(await inDolibarr(`say(check('KEY1'));`, { DOLIBARR: version })).toEqual([
        runs ? 1 : 0,
        runs ? '1.1.0' : '',
        runs,
        '',
        0,
      ]);
    },
  );

  it('keeps the last answer when the server falls silent, and calls nothing up to date', async () => {
    server.answer.feed = feed([{ version: '1.0.0' }]);
    server.answer.verdict = VALID;
    const first = `check('KEY1'); say([$conf->global->SHOP_FEEDGATE_KEY_STATE, page()]);`;
    const [state, before] = (await inDolibarr(first)) as [string, string];
    expect(before).toContain('The installed version is the newest one');

    server.answer.feed = '';
    const second = `$conf->global->SHOP_FEEDGATE_KEY_STATE = ${phpString(state)};
      $check = check('KEY1'); say([$check, (new modShop($db))->feedgateState()['at'], page()]);`;
    const [check, at, html] = (await inDolibarr(second)) as [unknown[], number, string];
    expect(check.slice(0, 4)).toEqual([-1, '1.0.0', false, expect.stringContaining('did not answer')]);
    expect(at).toBe(JSON.parse(state).at);
    expect(html).toContain('did not answer');
    expect(html).toContain(new Date(at * 1000).toISOString().slice(0, 10));
    expect(html).not.toContain('newest one');
  });

  it('takes, hides and removes the key on the setup page', async () => {
    server.answer.feed = feed([{ version: '1.1.0' }]);
    server.answer.verdict = VALID;
    const code = `$first = page(); $typed = page(['feedgate_action' => 'save', 'feedgate_key' => ' FG-SECRET-WXYZ ']);
      $kept = page(['feedgate_action' => 'save', 'feedgate_key' => '']); $key = $conf->global->SHOP_FEEDGATE_KEY;
      page(['feedgate_action' => 'save', 'feedgate_remove' => '1']); say([$first, $typed, $key, isset($conf->global->SHOP_FEEDGATE_KEY)]);`;
    const [first, typed, key, left] = (await inDolibarr(code)) as [string, string, string, boolean];
    expect(first).toContain('Not known yet');
    expect(first).toContain('name="token" value="TOKEN"');
    expect(typed).toContain('placeholder="…WXYZ"');
    expect(typed.replaceAll('key=FG-SECRET-WXYZ', '')).not.toContain('SECRET');
    expect(typed).toContain('The key is valid');
    expect(typed).toContain('1 / 1');
    expect(typed).toContain('<b>1.1.0</b> <a href="https://files.example/module_shop-1.1.0.zip"');
    expect(typed).toContain('href="https://acme.example/info"');
    expect(key).toBe('FG-SECRET-WXYZ');
    expect(left).toBe(false);
  });

  it('shows reason and renewal link, escaped, in the language of the user', async () => {
    server.answer.feed = feed([{ version: '1.1.0', downloadable: false }]);
    server.answer.verdict = EXPIRED;
    const code = `$langs->defaultlang = 'fr_FR'; check('KEY1'); say([page(), $events[0]]);`;
    const [html, event] = (await inDolibarr(code)) as [string, [string, string]];
    expect(html).toContain('Ended on &lt;3 March&gt; Renouveler ou étendre: https://shop.example/renew?a=1&amp;b=2');
    expect(html).toContain('<a href="https://shop.example/renew?a=1&amp;b=2"');
    expect(html).toContain('<b>1.1.0</b> <a href="https://acme.example/info"');
    expect(event[0]).toBe('warnings');
    expect(event[1]).toContain('Shop: Ended on &lt;3 March&gt;');
  });

  it('gives the browser key and instance for a download on the server itself only', async () => {
    const code = `$conf->global->SHOP_FEEDGATE_KEY = 'KEY1'; $module = new modShop($db);
      say([$module->feedgateDownload('${server.url}/acme/shop/download/1/x.zip?a=1'), $module->feedgateDownload('https://files.example/x.zip')]);`;
    expect(await inDolibarr(code)).toEqual([
      `${server.url}/acme/shop/download/1/x.zip?a=1&key=KEY1&instance=${INSTANCE}&site=erp.example.org`,
      'https://files.example/x.zip',
    ]);
  });

  it('lives with a second copy of itself and with the kit of another organization', async () => {
    const other = unpackedKit({
      platform: 'dolibarr',
      serverUrl: server.url,
      organizationSlug: 'beta-gmbh',
      organizationName: `Beta's`,
    });
    const code = `require '${kit}/feedgate/feedgate_acme.php'; require '${other}/feedgate/feedgate_beta_gmbh.php';
      say([trait_exists('FeedgateUpdate_acme'), trait_exists('FeedgateUpdate_beta_gmbh')]);`;
    expect(await inDolibarr(code)).toEqual([true, true]);
  });
});
