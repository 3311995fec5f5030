import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { movers, surveyors } from '../../feeds/index.ts';
import { checkForUpdates } from '../../feeds/joomla/model/check.ts';
import { joomlaHttp } from '../../feeds/joomla/model/http-io.ts';
import { installUpdate } from '../../feeds/joomla/model/install.ts';
import type { JoomlaSite } from '../../feeds/joomla/model/site.ts';
import { moveMethod } from '../../feeds/joomla/move/script-snippet.ts';
import { adoptAll, adoptProduct } from '../../src/moving/adopt.ts';
import { BRIDGE, flushAddressCounts, setBridge } from '../../src/moving/bridge.ts';
import { verdictOf } from '../../src/moving/conversion-text.ts';
import { movingOf, oldRoutesOf } from '../../src/moving/moving.ts';
import { proxyLines } from '../../src/moving/routes.ts';
import { changeProduct } from '../../src/releases/products.ts';
import { aliasesOf } from '../../src/releases/store-products.ts';
import { onEachDatabase } from '../support/databases.ts';
import { playAddUpdateSites, playMoveMethod, type UpdateSiteRow } from '../support/joomla-update-sites.ts';
import { seedSoldLicense } from '../support/seed.ts';
import { zipOf } from '../support/site-archives.ts';
import { openVendor, pathOf, TARGETS, type Vendor } from '../support/vendor.ts';
import { hasPhp, runPhp } from './kit-php/run-kit.ts';

/** A shop in the shape of MokoWaaS: a plugin, a feed of five channels that no site ever understood, addresses on two forges. */
const SAMPLE = fileURLToPath(new URL('../../../shared/samples/joomla/feeds/mokowaas.updates.xml', import.meta.url));
const EXTENSION = 7;

function manifest(version: string, servers: readonly string[]): string {
  const lines = servers.map(
    (url, i) => `\t\t<server type="extension" priority="${i + 1}" name="Hello">\n\t\t\t${url}\n\t\t</server>\n`,
  );
  return `<?xml version="1.0" encoding="utf-8"?>
<extension type="plugin" group="system" method="upgrade">
\t<name>plg_system_hello</name>
\t<version>${version}</version>
\t<scriptfile>script.php</scriptfile>
\t<files><filename plugin="hello">hello.php</filename></files>
\t<updateservers>
${lines.join('')}\t</updateservers>
</extension>
`;
}

const SCRIPT = `<?php
defined('_JEXEC') or die;

class plgSystemHelloInstallerScript
{
\tpublic function postflight($type, $parent)
\t{
\t\treturn true;
\t}
}
`;

const WORKFLOW = `on: { push: { tags: ['v*'] } }
jobs:
  release:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: make zip
      - name: Write updates.xml
        run: |
          sed -i "s/VERSION/$github_REF_NAME/" updates.xml
          git commit -am "Feed"
          git push
`;

/** Five channels at one version, no <client>, <stability> for tags: offered to nobody. */
function oldFeed(version: string): string {
  const entries = ['stable', 'release-candidate', 'beta', 'alpha', 'development'].map(
    (word) => `\t<update>
\t\t<name>Hello</name><element>hello</element><type>plugin</type><folder>system</folder><version>${version}</version>
\t\t<stability>${word}</stability>
\t\t<downloads><downloadurl type="full" format="zip">https://git.example.com/hello.zip</downloadurl></downloads>
\t\t<targetplatform name="joomla" version="(5|6)\\..*"/>
\t</update>`,
  );
  return `<?xml version="1.0"?>\n<updates>\n${entries.join('\n')}\n</updates>\n`;
}

function joomla(
  joomlaVersion: string,
  row: Pick<UpdateSiteRow, 'location' | 'extraQuery'>,
  installed: string,
): JoomlaSite {
  return {
    ...{ joomla: joomlaVersion, php: '8.3.0', db: { type: 'mysql', version: '8.0.36' }, minStability: 4 },
    extensions: [{ type: 'plugin', element: 'hello', folder: 'system', clientId: 0, version: installed }],
    ...{ extraQuery: row.extraQuery, feedUrl: row.location },
  };
}

describe('the plan of a move', () => {
  const survey = async (bytes: Uint8Array, from: string) =>
    (await Promise.all(surveyors.map((each) => each.survey([{ from, bytes }], null)))).flat();

  it('says of a feed that no site ever understood what sites will see', async () => {
    const [product, ...more] = await survey(Buffer.from(oldFeed('2.19.0')), 'updates.xml');
    expect(more).toEqual([]);
    expect(product && verdictOf(product)).toBe('Never offered so far; after conversion sites see 2.19.0.');
    expect(product?.rows.map(({ client, before, after }) => [client, before, after])).toEqual([
      ['Joomla 4.4', null, null],
      ['Joomla 5.4', null, '2.19.0'],
      ['Joomla 6.0', null, '2.19.0'],
    ]);
    expect(product?.faults.join('\n')).toMatch(/no <client>[\s\S]*<stability>[\s\S]*same version, 2.19.0/);
  });

  if (existsSync(SAMPLE)) {
    it('reads the feed that MokoWaaS publishes', async () => {
      const [product] = await survey(readFileSync(SAMPLE), 'mokowaas.updates.xml');
      expect(product?.faults.join('\n')).toMatch(/template[\s\S]*no <client>[\s\S]*several <downloadurl>/);
      expect(product?.rows.every(({ before }) => before === null)).toBe(true);
    });
  } else {
    process.stderr.write(
      'SKIPPED: the published feed of MokoWaaS is not here; the fixture of the same shape was used\n',
    );
    it.skip('reads the feed that MokoWaaS publishes', () => undefined);
  }
});

onEachDatabase('moving in', (database) => {
  let vendor: Vendor;
  let raw: string;
  /** A mirror of the repository. */
  let github: string;
  let ours: string;

  beforeEach(async () => {
    vendor = await openVendor(database(), { product: { mode: 'listed' } });
    const { organization, forge } = vendor;
    raw = `${forge.url}/${organization.owner}/hello/raw/branch/main/updates.xml`;
    github = `https://raw.githubusercontent.com/${organization.owner}/hello/main/updates.xml`;
    ours = `${vendor.test.url}${pathOf(vendor.product)}/updates.xml`;
    await forge.pushBranch(vendor.repo, {
      'src/hello.xml': manifest('2.19.0', [raw, github]),
      'src/hello.php': '<?php',
      'src/script.php': SCRIPT,
      'updates.xml': oldFeed('2.19.0'),
      '.gitea/workflows/release.yml': WORKFLOW,
    });
    await release('2.19.0');
  });
  afterEach(() => vendor.close());

  function onBranch(path: string, branch = 'main'): string {
    const commit = branch === 'main' ? vendor.repo.head : vendor.repo.branches.get(branch);
    return Buffer.from(commit?.files.get(path) ?? '').toString('utf8');
  }

  /** As a vendor's build does it: what is in `src/` of the branch, with the version. */
  async function release(version: string): Promise<void> {
    const files = Object.fromEntries(
      [...vendor.repo.head.files]
        .filter(([path]) => path.startsWith('src/'))
        .map(([path, bytes]) => [
          path.slice(4),
          Buffer.from(bytes).toString('utf8').replace('<version>2.19.0', `<version>${version}`),
        ]),
    );
    const assets = { [`plg_hello-${version}.zip`]: await zipOf(files) };
    await vendor.forge.publishRelease(vendor.repo, { tag: `v${version}`, assets });
    await vendor.sync();
  }

  const adopt = (change: { dryRun?: boolean; feedUrl?: string } = {}) =>
    adoptProduct(vendor.test.core.forge, vendor.product, { dryRun: false, feedUrl: null, ...change }, vendor.by());
  const steps = async () => {
    const moving = await movingOf(
      { db: vendor.test.core.db, publicUrl: vendor.test.url },
      vendor.product,
      vendor.test.time.now,
    );
    return Object.fromEntries(moving.steps.map(({ step, state }) => [step, state]));
  };

  async function mergeOpen(): Promise<void> {
    const pull = vendor.repo.pulls.find(({ state }) => state === 'open');
    if (!pull) throw new Error('there is no open pull request');
    await vendor.forge.mergePull(vendor.repo, pull);
  }

  it('proposes every edit in one pull request, twice the same one, and shows them first', async () => {
    const dry = await adopt({ dryRun: true });
    expect(dry).toMatchObject({ state: 'planned', pullRequest: null, feedUrl: ours });
    expect(vendor.repo.pulls).toEqual([]);
    const opened = await adopt();
    expect(opened).toMatchObject({ state: 'opened', pullRequest: { number: 1, branch: 'feedgate/adopt' } });
    expect(await adopt()).toMatchObject({ state: 'unchanged', pullRequest: opened.pullRequest });
    const { branch = '' } = opened.pullRequest ?? {};
    const text = onBranch('src/hello.xml', branch);
    expect(text).toContain(
      `<server type="extension" priority="1" name="Hello">\n\t\t\t${ours}\n\t\t</server>\n\t</updateservers>`,
    );
    expect(text).toContain('\n\t<dlid prefix="dlid=" suffix=""/>\n');
    expect(text).not.toContain('githubusercontent');
    expect(onBranch('src/script.php', branch)).toContain('$this->feedgateMoveUpdateSite();');
    expect(onBranch('.gitea/workflows/release.yml', branch)).toBe(
      WORKFLOW.slice(0, WORKFLOW.indexOf('      - name: Write')),
    );
    expect(onBranch('updates.xml', branch)).toBe(oldFeed('2.19.0'));
    expect(vendor.repo.pulls[0]?.body).toMatch(/No longer named[\s\S]*githubusercontent[\s\S]*In this order/);
    await mergeOpen();
    expect(await adopt()).toMatchObject({ state: 'nothing', pullRequest: null });
  });

  it('makes one pull request of two proposals at once, and says what a forge in trouble says', async () => {
    const both = await Promise.all([adopt(), adopt()]);
    expect(both.map(({ pullRequest }) => pullRequest?.number)).toEqual([1, 1]);
    expect(vendor.repo.pulls).toHaveLength(1);
    vendor.forge.setFault('502');
    await expect(adopt()).rejects.toMatchObject({ name: 'ForgeTrouble' });
    const all = await adoptAll(vendor.test.core.forge, [vendor.product], { dryRun: false, feedUrl: null }, vendor.by());
    expect(all).toMatchObject([{ state: 'failed', pullRequest: null, remarks: [expect.any(String)] }]);
  });

  it('says why it cannot: no release yet, editions of one manifest', async () => {
    const pro = await vendor.add({ edition: 'pro', settings: { assets: { joomla: '*-pro.zip' } } });
    const wish = { dryRun: false, feedUrl: null };
    const unknown = await adoptProduct(vendor.test.core.forge, pro, wish, vendor.by());
    expect(unknown).toMatchObject({ state: 'impossible', remarks: [expect.stringContaining('No release')] });
    const latest = vendor.repo.releases[0];
    const files = Object.fromEntries(
      [...vendor.repo.head.files]
        .filter(([path]) => path.startsWith('src/'))
        .map(([path, bytes]) => [path.slice(4), bytes]),
    );
    if (latest) await vendor.forge.addAsset(vendor.repo, latest, 'plg_hello-2.19.0-pro.zip', await zipOf(files));
    await changeProduct(
      vendor.test.core.db,
      vendor.product.id,
      { settings: { ...vendor.product.settings, assets: { joomla: 'plg_hello-?.??.?.zip' } } },
      vendor.by(),
    );
    await changeProduct(vendor.test.core.db, pro.id, { settings: { ...pro.settings, targets: TARGETS } }, vendor.by());
    await vendor.sync();
    const shared = await adoptProduct(vendor.test.core.forge, pro, { ...wish, dryRun: true }, vendor.by());
    expect(shared.remarks.join()).toContain('editions that are built from one manifest');
    expect(shared.edits.map(({ path }) => path)).toEqual(['.gitea/workflows/release.yml']);
  });

  it('without a right to workflows proposes the rest, and says so', async () => {
    vendor.forge.onRequest(({ method, path, body }) => {
      if (method === 'POST' && path.endsWith('/contents') && body.includes('workflows'))
        vendor.forge.setFault('forbidden', { path: /contents/, times: 1 });
    });
    const opened = await adopt();
    expect(opened.state).toBe('opened');
    expect(opened.edits.map(({ path }) => path).sort()).toEqual(['src/hello.xml', 'src/script.php']);
    expect(opened.remarks.join()).toContain('may not change workflows');
  });

  it('asks for steps in the order that loses no site', async () => {
    expect(await steps()).toMatchObject({
      keep_old_addresses: 'open',
      adopt: 'open',
      release: 'open',
      make_private: 'too_early',
    });
    await vendor.forge.setPrivate(vendor.repo, false);
    await vendor.sync();
    expect(await steps()).toMatchObject({ make_private: 'open' });
    await adopt();
    const routes = await oldRoutesOf(
      { db: vendor.test.core.db, publicUrl: vendor.test.url },
      [vendor.product],
      vendor.test.time.now,
    );
    const lines = proxyLines(routes, 'nginx', vendor.test.url).join('\n');
    expect(lines).toContain(`location = /${vendor.organization.owner}/hello/raw/branch/main/updates.xml {`);
    expect(lines).toContain(`proxy_pass ${ours};`);
    expect(lines).toContain('bridge set');
    expect(proxyLines(routes, 'caddy', vendor.test.url).join('\n')).toContain('reverse_proxy');
    await vendor.test.core.db.tx((tx) =>
      tx('aliases').insert({
        ...{ path: new URL(raw).pathname.slice(1).toLowerCase(), product_id: vendor.product.id, kind: 'manual' },
        ...{ document: 'updates.xml', created_at: '2026-03-01T00:00:00.000Z', created_by: 'test' },
      }),
    );
    expect((await vendor.test.core.db.read((tx) => aliasesOf(tx, vendor.product.id))).length).toBe(2);
    await bridge();
    expect(await steps()).toMatchObject({ keep_old_addresses: 'done' });
    await mergeOpen();
    await release('2.20.0');
    expect(await steps()).toMatchObject({
      adopt: 'done',
      release: 'done',
      watch_old_addresses: 'open',
      make_private: 'open',
    });
    expect((await vendor.get(new URL(raw).pathname)).text).toContain('2.20.0');
    await vendor.get(`${pathOf(vendor.product)}/updates.xml`);
    await flushAddressCounts(vendor.test.core.db, vendor.test.core.addresses);
    const moving = await movingOf(
      { db: vendor.test.core.db, publicUrl: vendor.test.url },
      vendor.product,
      vendor.test.time.now,
    );
    expect(moving).toMatchObject({ currentPolls: 1 });
    expect(moving.addresses.find(({ url }) => url === raw)).toMatchObject({ kept: 'alias', polls: 1 });
    await vendor.forge.setPrivate(vendor.repo, true);
    await vendor.sync();
    expect(await steps()).toMatchObject({ make_private: 'done' });
  });

  async function bridge(): Promise<void> {
    const { db, worker } = vendor.test.core;
    await setBridge(
      db,
      vendor.product,
      { branch: 'main', path: 'updates.xml', document: null },
      ['updates.xml'],
      vendor.by(),
    );
    await worker.runNow(BRIDGE, vendor.product.id);
  }

  const keptNow = async () => {
    const { core, url, time } = vendor.test;
    const { addresses } = await movingOf({ db: core.db, publicUrl: url }, vendor.product, time.now);
    return addresses.find((each) => each.url === raw)?.kept;
  };

  it('takes an address under the former name of the repository for bridged: the forge leads it on', async () => {
    await vendor.forge.setPrivate(vendor.repo, false);
    await bridge();
    await adopt();
    await vendor.sync();
    expect(await keptNow()).toBe('bridge');
    await vendor.forge.renameRepository(vendor.repo, 'greeter');
    await vendor.sync();
    expect(await keptNow()).toBe('bridge');
  });

  it('takes a bridge in a private repository for none, and says before that it would be none', async () => {
    await vendor.forge.setPrivate(vendor.repo, false);
    await bridge();
    await adopt();
    await mergeOpen();
    await release('2.20.0');
    const detail = async (step: string) => {
      const { core, url, time } = vendor.test;
      const { steps: all } = await movingOf({ db: core.db, publicUrl: url }, vendor.product, time.now);
      return all.find((each) => each.step === step)?.detail;
    };
    expect(await detail('make_private')).toContain(`Not while ${raw} is a file of it`);
    await vendor.forge.setPrivate(vendor.repo, true);
    await vendor.sync();
    expect(await keptNow()).toBe('open');
    expect(await steps()).toMatchObject({ keep_old_addresses: 'open', make_private: 'too_early' });
    expect(await detail('keep_old_addresses')).toContain('nobody can read a file of a private repository');
  });

  it('keeps a bridge file current: what nobody needs a key for, one commit a change, and none for nothing', async () => {
    await bridge();
    expect(onBranch('updates.xml')).toContain('<client>site</client>');
    expect(onBranch('updates.xml')).toBe((await vendor.get(`${pathOf(vendor.product)}/updates.xml`)).text);
    expect(vendor.repo.head.message).toContain('kept current by Feedgate');
    const { head } = vendor.repo;
    await vendor.sync();
    await vendor.test.core.worker.drain();
    expect(vendor.repo.head).toBe(head);
    await release('2.20.0');
    await vendor.test.core.worker.drain();
    expect(onBranch('updates.xml')).toContain('<version>2.20.0</version>');
    const site = joomla('6.0.0', { location: raw, extraQuery: '' }, '2.19.0');
    const body = Buffer.from(onBranch('updates.xml'));
    const result = await checkForUpdates(site, async ({ url }) => ({ status: 200, headers: {}, body, url }));
    expect(result.offered.map(({ version }) => version)).toEqual(['2.20.0']);
    vendor.forge.setFault('forbidden', { path: /contents/ });
    await release('2.21.0');
    await vendor.test.core.worker.drain();
    expect((await vendor.known()).warnings).toContain(' BRIDGE_FAILED');
  });

  const STATES = (): [string, UpdateSiteRow[]][] => [
    ['the raw address', [{ id: 4, location: raw, extraQuery: 'dlid=THE-KEY', extensions: [EXTENSION] }]],
    ['the GitHub address', [{ id: 4, location: github, extraQuery: '&amp;dlid=THE-KEY', extensions: [EXTENSION] }]],
    [
      'an address of the forge itself',
      [
        {
          id: 4,
          location: 'https://git.example.com/acme/hello/updates.xml',
          extraQuery: 'dlid=THE-KEY',
          extensions: [EXTENSION],
        },
      ],
    ],
    [
      'two rows, one of them shared, and a stranger',
      [
        { id: 3, location: 'https://other.example/feed.xml', extraQuery: 'dlid=THEIRS', extensions: [9] },
        { id: 4, location: raw, extraQuery: '', extensions: [EXTENSION] },
        { id: 5, location: github, extraQuery: 'dlid=THE-KEY', extensions: [EXTENSION, 9] },
      ],
    ],
  ];

  it('leaves a key that another extension has under the new address, and a site that is new alone', () => {
    const rows: UpdateSiteRow[] = [
      { id: 4, location: raw, extraQuery: 'dlid=MINE', extensions: [EXTENSION] },
      { id: 6, location: ours, extraQuery: 'dlid=THEIRS', extensions: [9] },
    ];
    expect(playAddUpdateSites(playMoveMethod(rows, EXTENSION, ours), EXTENSION, [ours])).toEqual([
      { id: 6, location: ours, extraQuery: 'dlid=THEIRS', extensions: [9, EXTENSION] },
    ]);
    expect(playMoveMethod([], EXTENSION, ours)).toEqual([]);
    const kit = [
      { id: 4, location: ours.replace('/acme', '/k/KEY/acme'), extraQuery: 'dlid=KEY', extensions: [EXTENSION] },
    ];
    expect(playMoveMethod(kit, EXTENSION, ours)).toEqual(kit);
  });

  it.each([0, 1, 2, 3])('ends with one row, the key and the right version: site %i', async (which) => {
    const { core } = vendor.test;
    const sold = await seedSoldLicense(
      core.db,
      { organization: vendor.organization },
      { terms: { sites: null, length: null } },
    );
    await adopt();
    await mergeOpen();
    await release('2.20.0');
    await release('2.21.0');
    const [, before] = STATES()[which] as [string, UpdateSiteRow[]];
    const keyed = before.map((row) => ({ ...row, extraQuery: row.extraQuery.replace('THE-KEY', sold.key.text ?? '') }));
    const moved = playMoveMethod(keyed, EXTENSION, ours);
    const after = playAddUpdateSites(moved, EXTENSION, [ours]);
    const own = after.filter(({ extensions }) => extensions.includes(EXTENSION));
    expect(own).toMatchObject([{ location: ours, extraQuery: `dlid=${sold.key.text}` }]);
    expect(
      after.filter(({ extensions }) => !extensions.includes(EXTENSION)).map(({ extraQuery }) => extraQuery),
    ).toEqual(keyed.filter(({ extensions }) => extensions.includes(9)).map(({ extraQuery }) => extraQuery));
    expect(playMoveMethod(after, EXTENSION, ours)).toEqual(after);
    for (const version of ['4.4.14', '5.4.0', '6.0.0']) {
      const site = joomla(version, own[0] as UpdateSiteRow, '2.20.0');
      const result = await checkForUpdates(site, joomlaHttp());
      expect(result.offered.map((row) => row.version)).toEqual(['2.21.0']);
      const [row] = result.offered;
      expect(row && (await installUpdate(site, row, joomlaHttp())).outcome).toBe('installed');
    }
  });

  it('has a way back: the same pull request with another address, and the key goes along', async () => {
    await adopt();
    await mergeOpen();
    const back = await adopt({ feedUrl: raw });
    expect(back).toMatchObject({ state: 'opened', feedUrl: raw });
    expect(onBranch('src/hello.xml', 'feedgate/adopt')).toContain(`\t\t\t${raw}\n`);
    expect(onBranch('src/script.php', 'feedgate/adopt')).toContain(`$to   = '${raw}';`);
    const here: UpdateSiteRow[] = [{ id: 4, location: ours, extraQuery: 'dlid=K', extensions: [EXTENSION] }];
    expect(playMoveMethod(here, EXTENSION, raw)).toMatchObject([{ location: raw, extraQuery: 'dlid=K' }]);
  });

  it.skipIf(!hasPhp())('does in PHP what the model of it does', async () => {
    const identity = { type: 'plugin', element: 'hello', folder: 'system', client: 'site' } as const;
    const method = moveMethod({ identity, feedUrl: ours }).join('\n').replace('private function', 'public function');
    const shared: UpdateSiteRow[] = [
      { id: 4, location: raw, extraQuery: 'dlid=MINE', extensions: [EXTENSION] },
      { id: 6, location: ours, extraQuery: 'dlid=THEIRS', extensions: [9] },
    ];
    for (const rows of [...STATES().map(([, each]) => each), shared]) {
      const seed = rows.map(
        (row) => `site(${row.id}, ${quoted(row.location)}, ${quoted(row.extraQuery)}, ${row.extensions.join(', ')});`,
      );
      const code = `extension(${EXTENSION}); db()->pdo->exec("UPDATE x_extensions SET type = 'plugin', element = 'hello', folder = 'system', client_id = 0");
        extension(9); ${seed.join('\n')}
        $script = new class () {
${method}
};
        $script->feedgateMoveUpdateSite(); $once = sites(); $script->feedgateMoveUpdateSite();
        say(['once' => $once, 'twice' => sites(), 'links' => db()->pdo->query('SELECT update_site_id, extension_id FROM x_update_sites_extensions ORDER BY 1, 2')->fetchAll(PDO::FETCH_NUM)]);`;
      const said = (await runPhp('joomla', '/nowhere', code)) as Record<string, never>;
      const played = playMoveMethod(rows, EXTENSION, ours);
      const wanted = Object.fromEntries(
        played.map(({ id, location, extraQuery }) => [id, { location, extra_query: extraQuery }]),
      );
      expect([said['once'], said['twice']]).toEqual([wanted, wanted]);
      expect(said['links']).toEqual(played.flatMap(({ id, extensions }) => extensions.map((each) => [id, each])));
    }
  });
});

function quoted(text: string): string {
  return `'${text.replaceAll("'", "\\'")}'`;
}

it('has a mover and a surveyor for every platform', () => {
  expect(movers.map(({ platform }) => platform)).toEqual(surveyors.map(({ platform }) => platform));
});
