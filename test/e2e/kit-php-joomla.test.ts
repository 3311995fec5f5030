import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasPhp, type LocalServer, runPhp, startServer, unpackedKit } from './kit-php/run-kit.ts';

const run = hasPhp() ? describe : describe.skip;
const INSTANCE = createHash('sha256').update('feedgateS3cr3tOfThisSite').digest('hex');
const MARKS = `site=www.example.org&instance=${INSTANCE}&x=.xml`;
const VALID = {
  valid: true,
  code: 'VALID',
  detail: 'ok',
  valid_until: '2027-03-03T00:00:00.000Z',
  limits: { sites: { used: 2, max: 3 } },
};
const EXPIRED = {
  valid: false,
  code: 'EXPIRED',
  detail: 'The license <ended>',
  limits: { sites: { used: 3, max: null } },
  renew_url: 'https://shop.example/renew?a=1&b=2',
  more: [1],
};

run('the Joomla kit', () => {
  let server: LocalServer;
  let kit: string;

  beforeAll(async () => {
    server = await startServer();
    kit = unpackedKit({ platform: 'joomla', serverUrl: server.url });
  });
  afterAll(() => server.close());

  /** Runs code on a site with extension 7, whose update site 5 is on this server. `$url` is the server's address. */
  async function onSite(code: string, env: Record<string, string> = {}): Promise<never> {
    server.asked.length = 0;
    const setUp = `$url = ${JSON.stringify(server.url)};\nextension(7);\nsite(4, 'https://other.example/feed.xml', 'dlid=THEIRS', 7);\n`;
    return (await runPhp('joomla', kit, setUp + code, env)) as never;
  }

  it('passes php -l in every file', () => {
    const files = readdirSync(kit, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.php'));
    expect(files.length).toBeGreaterThan(9);
    for (const file of files) execFileSync('php', ['-l', join(kit, file)], { stdio: 'pipe' });
  });

  it('bears any name of an organization, in code and in words', async () => {
    const organizationName = `O'Neil \\ "Söhne" & <b>Co</b> ?> 100%`;
    const other = unpackedKit({
      platform: 'joomla',
      serverUrl: server.url,
      organizationSlug: 'list',
      organizationName,
    });
    const code = `installKit(); Joomla\\CMS\\Language\\Text::load(); extension(17); site(5, "${server.url}/list/x/updates.xml", 'dlid=K', 17); keep();
      say([str_replace('\\"', '"', Joomla\\CMS\\Language\\Text::_('PLG_INSTALLER_FEEDGATE_LIST')), sites()[5]['location'],
        (string) simplexml_load_file(glob($argv[1] . '/*.xml')[0])->name]);`;
    expect(await runPhp('joomla', other, code)).toEqual([
      `Installer - Feedgate for O'Neil / "Söhne" & b Co /b ? 100%`,
      `${server.url}/k/K/list/x/updates.xml?${MARKS}`,
      `Feedgate - O'Neil \\ "Söhne" & b Co /b ? 100%`,
    ]);
  });

  it('switches both plugins on when new, and leaves the choice alone on an update', async () => {
    const enabled = `db()->pdo->query("SELECT folder, enabled FROM x_extensions WHERE type = 'plugin' ORDER BY 1")->fetchAll(PDO::FETCH_KEY_PAIR)`;
    const code = `$script = installKit(); $new = ${enabled};
      db()->pdo->exec('UPDATE x_extensions SET enabled = 0');
      $script->postflight('update', new Joomla\\CMS\\Installer\\InstallerAdapter());
      say(['new' => $new, 'updated' => ${enabled}]);`;
    expect(await onSite(code)).toEqual({ new: { installer: 1, system: 1 }, updated: { installer: 0, system: 0 } });
  });

  it('puts key, site and instance into its own row only, once', async () => {
    const code = `site(5, "$url/acme/shop/updates.xml", 'dlid=KEY1', 7); installKit(); keep();
      $writes = db()->writes; keep(); keep();
      say(['sites' => sites(), 'again' => db()->writes - $writes]);`;
    expect(await onSite(code)).toEqual({
      sites: {
        4: { location: 'https://other.example/feed.xml', extra_query: 'dlid=THEIRS' },
        5: { location: `${server.url}/k/KEY1/acme/shop/updates.xml?${MARKS}`, extra_query: 'dlid=KEY1' },
      },
      again: 0,
    });
    expect(server.asked).toEqual([]);
  });

  it.each([
    ['a product without a key', '/acme/shop/updates.xml', '', `/acme/shop/updates.xml?${MARKS}`],
    ['an edition', '/acme/shop/pro/updates.xml', 'dlid=K 1', `/k/K%201/acme/shop/pro/updates.xml?${MARKS}`],
    [
      'a query of its own',
      '/acme/shop/updates.xml?channel=beta',
      'dlid=K1',
      `/k/K1/acme/shop/updates.xml?channel=beta&${MARKS}`,
    ],
    [
      'a repository called download',
      '/acme/download/updates.xml',
      'dlid=K1',
      `/k/K1/acme/download/updates.xml?${MARKS}`,
    ],
    ['an old address', '/old/feed.php?id=3', 'dlid=K1', `/old/feed.php?id=3&dlid=K1&${MARKS}`],
    [
      'a wrong prefix in the manifest',
      '/acme/shop/updates.xml',
      '&amp;dlid=K1&a=b',
      `/k/K1/acme/shop/updates.xml?${MARKS}`,
    ],
    ['blanks round it', '/acme/shop/updates.xml ', 'dlid= K1 ', `/k/K1/acme/shop/updates.xml?${MARKS}`],
  ])('writes %s', async (_name, path, extraQuery, expected) => {
    const code = `site(5, $url . ${JSON.stringify(path)}, ${JSON.stringify(extraQuery)}, 7); installKit(); say(sites()[5]);`;
    expect(await onSite(code)).toEqual({ location: server.url + expected, extra_query: extraQuery });
  });

  it.each([
    'https://other.example/updates/acme/shop/updates.xml',
    'http://127.0.0.1:1/updates/acme/shop/updates.xml',
    '@@/elsewhere/acme/shop/updates.xml',
    '@@/updates-of-others/acme/shop/updates.xml',
    '@@/updates/../acme/shop/updates.xml',
    'http://127.0.0.1@evil.example/updates/acme/shop/updates.xml',
    'ftp://127.0.0.1/updates/x.xml',
    'not an address',
  ])('leaves %s alone, in rows, feeds and downloads', async (text) => {
    const location = text.replace('@@', new URL(server.url).origin);
    const code = `$other = ${JSON.stringify(location)}; site(5, $other, 'dlid=KEY1', 7); installKit(); keep();
      say([sites()[5]['location'], ask('onInstallerBeforeUpdateSiteDownload', $other), ask('onInstallerBeforePackageDownload', $other)]);`;
    expect(await onSite(code)).toEqual([location, location, location]);
    expect(server.asked).toEqual([]);
  });

  it('lets the address follow a key that is changed or removed, and has Joomla ask again', async () => {
    const code = `site(5, "$url/acme/shop/updates.xml", 'dlid=KEY1', 7); installKit(); $seen = [];
      db()->pdo->exec('INSERT INTO x_updates (update_site_id, detailsurl) SELECT update_site_id, location FROM x_update_sites');
      foreach (['dlid=KEY2', ''] as $query) {
        db()->pdo->exec("UPDATE x_update_sites SET extra_query = '$query', last_check_timestamp = 9 WHERE update_site_id = 5");
        keep();
        $details = db()->pdo->query('SELECT detailsurl FROM x_updates WHERE update_site_id = 5')->fetchColumn();
        $seen[] = [sites()[5]['location'] === $details, $details, db()->pdo->query('SELECT last_check_timestamp FROM x_update_sites WHERE update_site_id = 5')->fetchColumn()];
      }
      say($seen);`;
    expect(await onSite(code)).toEqual([
      [true, `${server.url}/k/KEY2/acme/shop/updates.xml?${MARKS}`, 0],
      [true, `${server.url}/acme/shop/updates.xml?${MARKS}`, 0],
    ]);
  });

  it('tells the installed version, once it is known, and the new one after an update', async () => {
    const code = `site(5, "$url/acme/shop/updates.xml", 'dlid=KEY1', 7); installKit(); $seen = [sites()[5]['location']];
      foreach (['{"version":"1.2.0"}', '{"version":"1.3.0-rc1"}', '{"version":"<b>"}', 'no json'] as $cache) {
        db()->pdo->prepare('UPDATE x_extensions SET manifest_cache = ? WHERE extension_id = 7')->execute([$cache]);
        plugin('installer')->afterInstall(new Joomla\\Event\\Event('x'));
        $seen[] = sites()[5]['location'];
      }
      say($seen);`;
    const at = (version: string) =>
      `${server.url}/k/KEY1/acme/shop/updates.xml?site=www.example.org&instance=${INSTANCE}${version}&x=.xml`;
    expect(await onSite(code)).toEqual([at(''), at('&installed=1.2.0'), at('&installed=1.3.0-rc1'), at(''), at('')]);
  });

  it('carries the key over to a new address of the same extension, not to another extension', async () => {
    const code = `site(5, "$url/acme/shop/updates.xml", 'dlid=KEY1', 7); installKit(); extension(18);
      site(6, "$url/acme/shop-renamed/updates.xml", '', 7); site(9, "$url/acme/free/updates.xml", '', 18); keep(); say(sites());`;
    expect(await onSite(code)).toMatchObject({
      5: { extra_query: 'dlid=KEY1' },
      6: { location: `${server.url}/k/KEY1/acme/shop-renamed/updates.xml?${MARKS}`, extra_query: 'dlid=KEY1' },
      9: { location: `${server.url}/acme/free/updates.xml?${MARKS}`, extra_query: '' },
    });
  });

  it('finds the key again after Joomla has rebuilt the update sites, but not one that was removed by hand', async () => {
    const rebuild = `db()->pdo->exec('DELETE FROM x_update_sites WHERE update_site_id IN (5, 6)'); db()->pdo->exec('DELETE FROM x_update_sites_extensions WHERE update_site_id IN (5, 6)');`;
    const code = `site(5, "$url/acme/shop/updates.xml", 'dlid=KEY1', 7); installKit(); ${rebuild}
      keep(); site(6, "$url/acme/shop/updates.xml", '', 7); keep(); $rebuilt = sites()[6]['extra_query'];
      db()->pdo->exec("UPDATE x_update_sites SET extra_query = ''"); keep(); $removed = sites()[6]['extra_query'];
      ${rebuild} site(10, "$url/acme/shop/updates.xml", '', 7); keep();
      say([$rebuilt, $removed, sites()[10]['extra_query']]);`;
    expect(await onSite(code)).toEqual(['dlid=KEY1', '', '']);
  });

  it('merges the plain row that Joomla adds again with every update of the extension', async () => {
    const code = `site(5, "$url/acme/shop/updates.xml", 'dlid=KEY1', 7); installKit(); extension(18);
      site(6, "$url/acme/shop/updates.xml", '', 7, 18); db()->pdo->exec("INSERT INTO x_updates (update_site_id, detailsurl) VALUES (6, 'x')");
      plugin('installer')->afterInstall(new Joomla\\Event\\Event('x'));
      say([array_keys(sites()), sites()[5]['location'], db()->pdo->query('SELECT update_site_id, extension_id FROM x_update_sites_extensions ORDER BY 1, 2')->fetchAll(PDO::FETCH_NUM),
        db()->pdo->query('SELECT COUNT(*) FROM x_updates')->fetchColumn()]);`;
    expect(await onSite(code)).toEqual([
      [4, 5],
      `${server.url}/k/KEY1/acme/shop/updates.xml?${MARKS}`,
      [
        [4, 7],
        [5, 7],
        [5, 18],
      ],
      0,
    ]);
  });

  it.each(['uninstalled', 'switched off'])('gives every address back when %s', async (way) => {
    const goes =
      way === 'uninstalled'
        ? `$script->uninstall(new Joomla\\CMS\\Installer\\InstallerAdapter());`
        : `db()->pdo->exec("UPDATE x_extensions SET enabled = 0 WHERE folder = 'installer'"); keep();`;
    const code = `site(5, " $url/acme/shop/updates.xml", 'dlid=KEY1', 7); site(6, "$url/old.php?x=1&site=mine", 'dlid=KEY1', 7);
      $script = installKit(); $during = array_column(sites(), 'location'); ${goes}
      say([array_column(sites(), 'location') !== $during, sites()]);`;
    expect(await onSite(code)).toEqual([
      true,
      {
        4: { location: 'https://other.example/feed.xml', extra_query: 'dlid=THEIRS' },
        5: { location: ` ${server.url}/acme/shop/updates.xml`, extra_query: 'dlid=KEY1' },
        6: { location: `${server.url}/old.php?x=1&site=mine`, extra_query: 'dlid=KEY1' },
      },
    ]);
  });

  it('keeps the last host name on the command line and believes none that a guest brings', async () => {
    const code = `use Joomla\\CMS\\Factory; use Joomla\\CMS\\Uri\\Uri;
      site(5, "$url/acme/shop/updates.xml", 'dlid=KEY1', 7); installKit(); $before = sites();
      Uri::$host = 'evil.example'; Factory::$app->guest = true; keep(); $guest = sites() === $before;
      Uri::$host = 'joomla.invalid'; Factory::$app->client = 'cli'; $cli = ask('onInstallerBeforeUpdateSiteDownload', "$url/acme/shop/updates.xml");
      say([$guest, $cli, sites() === $before]);`;
    expect(await onSite(code)).toEqual([true, `${server.url}/k/KEY1/acme/shop/updates.xml?${MARKS}`, true]);
  });

  it.each(['4', '5'])('adds to the requests of Joomla %s', async (level) => {
    server.answer.verdict = VALID;
    const code = `installKit(); site(5, "$url/acme/shop/updates.xml", 'dlid=KEY1', 7);
      $feed = ask('onInstallerBeforeUpdateSiteDownload', "$url/acme/shop/updates.xml");
      $stock = ask('onInstallerBeforePackageDownload', "$url/acme/shop/download/1.2.0/shop.zip?a=1&amp;dlid=KEY1");
      $keyless = ask('onInstallerBeforePackageDownload', "$url/acme/shop/download/1.2.0/shop.zip");
      $keyed = ask('onInstallerBeforePackageDownload', "$url/k/KEY1/acme/shop/download/1.2.0/shop.zip");
      say([$feed, $stock, $keyless, $keyed, Joomla\\CMS\\Factory::$app->messages, Joomla\\CMS\\Log\\Log::$lines]);`;
    const file = '/acme/shop/download/1.2.0/shop.zip';
    const marks = `site=www.example.org&instance=${INSTANCE}`;
    expect(await onSite(code, { JOOMLA_LEVEL: level })).toEqual([
      `${server.url}/k/KEY1/acme/shop/updates.xml?${MARKS}`,
      `${server.url}${file}?${marks}&a=1&dlid=KEY1`,
      `${server.url}${file}?${marks}&dlid=KEY1`,
      `${server.url}/k/KEY1${file}?${marks}`,
      [],
      [],
    ]);
    expect(server.asked.map((one) => [one.method, JSON.parse(one.body)])).toEqual(
      Array(3).fill(['POST', { key: 'KEY1', product: 'acme/shop', site: 'www.example.org', instance: INSTANCE }]),
    );
  });

  it('says the reason and the renewal link before a download that would be refused, and lets it go on', async () => {
    server.answer.verdict = EXPIRED;
    const code = `installKit(); site(5, "$url/acme/shop/updates.xml", 'dlid=KEY1', 7);
      $asked = ask('onInstallerBeforePackageDownload', "$url/acme/shop/download/1.2.0/shop.zip?dlid=KEY1");
      say([strpos($asked, 'dlid=KEY1') > 0, Joomla\\CMS\\Factory::$app->messages]);`;
    expect(await onSite(code, { JOOMLA_LANGUAGE: 'de-DE' })).toEqual([
      true,
      [
        [
          'warning',
          'Der Aktualisierungsserver wird diesen Download wahrscheinlich ablehnen: The license &lt;ended&gt; <a href="https://shop.example/renew?a=1&amp;b=2" target="_blank" rel="noopener">Verlängern oder erweitern</a>',
        ],
      ],
    ]);
  });

  it('asks without a key whether the file is refused, and says so', async () => {
    const code = `installKit(); site(5, "$url/acme/shop/updates.xml", '', 7);
      ask('onInstallerBeforePackageDownload', "$url/acme/shop/download/1.2.0/shop.zip"); say(Joomla\\CMS\\Factory::$app->messages);`;
    expect(await onSite(code)).toEqual([['warning', expect.stringContaining('license key only')]]);
    expect(server.asked.map((one) => one.method)).toEqual(['HEAD']);
  });

  it.each([
    ['does not answer', null],
    ['answers something else', { ok: 1 }],
  ])('stays quiet when the server %s', async (_name, verdict) => {
    server.answer.verdict = verdict;
    const code = `installKit(); site(5, "$url/acme/shop/updates.xml", 'dlid=KEY1', 7);
      ask('onInstallerBeforePackageDownload', "$url/acme/shop/download/1/x.zip"); say(Joomla\\CMS\\Factory::$app->messages);`;
    expect(await onSite(code)).toEqual([]);
  });

  it('shows key, state, slots and last contact in its settings, and asks anew after five minutes only', async () => {
    server.answer.verdict = EXPIRED;
    const code = `installKit(); Joomla\\CMS\\Language\\Text::load(); site(5, "$url/acme/shop/updates.xml", 'dlid=SECRET-KEY-WXYZ', 7);
      $class = (string) simplexml_load_file(glob(JPATH_PLUGINS . '/installer/*/*.xml')[0])->config->fields['addfieldprefix'] . '\\\\StateField';
      $html = (new $class())->render(); (new $class())->render(); say([$html]);`;
    const [html] = (await onSite(code)) as [string];
    expect(html).toContain('Example<br><small>acme/shop</small>');
    expect(html).toContain('<td>…WXYZ</td>');
    expect(html).toContain('text-danger">Ended');
    expect(html).toContain('3 / unlimited');
    expect(html).toContain('href="https://shop.example/renew?a=1&amp;b=2"');
    expect(html).toContain(new Date().toISOString().slice(0, 10));
    expect(html).not.toContain('SECRET');
    expect(server.asked).toHaveLength(1);
  });

  it('says that it had no contact, and keeps what it knew', async () => {
    server.answer.verdict = null;
    const code = `installKit(); Joomla\\CMS\\Language\\Text::load(); site(5, "$url/acme/shop/updates.xml", 'dlid=KEY1', 7); site(6, "$url/acme/two/updates.xml", 'dlid=KEY2', 7);
      $class = (string) simplexml_load_file(glob(JPATH_PLUGINS . '/installer/*/*.xml')[0])->config->fields['addfieldprefix'] . '\\\\StateField';
      say([(new $class())->render()]);`;
    const [html] = (await onSite(code)) as [string];
    expect(html).toContain('Not known yet');
    expect(html).toContain('The server did not answer just now.');
    expect(server.asked).toHaveLength(1);
  });

  it('lives beside the kit of another organization on the same server', async () => {
    const other = unpackedKit({
      platform: 'joomla',
      serverUrl: server.url,
      organizationSlug: 'beta-gmbh',
      organizationName: 'Beta',
    });
    const code = `site(5, "$url/acme/shop/updates.xml", 'dlid=KEY1', 7); $mine = installKit(); $with = sites();
      $argv[1] = ${JSON.stringify(other)};
      foreach (['installer', 'system'] as $group) { @mkdir(JPATH_PLUGINS . "/$group", 0777, true); symlink("$argv[1]/plg_$group", JPATH_PLUGINS . "/$group/feedgate_beta_gmbh");
        db()->pdo->exec("INSERT INTO x_extensions (name, type, element, folder) VALUES ('y', 'plugin', 'feedgate_beta_gmbh', '$group')"); }
      $theirs = require "$argv[1]/script.php"; $theirs->postflight('install', new Joomla\\CMS\\Installer\\InstallerAdapter()); $both = sites();
      $theirs->uninstall(new Joomla\\CMS\\Installer\\InstallerAdapter()); $plain = sites()[5]['location']; keep();
      say([$both === $with, $plain, sites() === $with]);`;
    expect(await onSite(code)).toEqual([true, `${server.url}/acme/shop/updates.xml`, true]);
  });
});
