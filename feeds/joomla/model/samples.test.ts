import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseChangelog } from './changelog.ts';
import { checkForUpdates } from './check.ts';
import { describeOffer } from './describe.ts';
import { installUpdate } from './install.ts';
import { preUpdateCheck } from './pre-update-check.ts';
import type { Http, JoomlaSite } from './site.ts';
import { anExtension, aSite, aWorld, aZip } from './test-world.ts';

const folder = fileURLToPath(new URL('../../../../shared/samples/joomla/feeds/', import.meta.url));
const missing = !existsSync(folder);
if (missing)
  process.stderr.write('\nSKIPPED: the samples of real Joomla feeds are not here, the model did not read them.\n');

function sample(name: string): Buffer {
  return readFileSync(folder + name);
}

async function look(name: string, change: Partial<JoomlaSite>) {
  const site = aSite(change);
  const { http } = aWorld({ [site.feedUrl]: { body: sample(name) } });
  return { site, http, result: await checkForUpdates(site, http) };
}

describe.skipIf(missing)('real feeds', () => {
  const slider = anExtension({ type: 'module', element: 'mod_joomlalabs_swiperslider_module', clientId: 0 });
  const core = anExtension({ element: 'com_joomlaupdate', version: '4.0.0' });

  it.each(['4.4.0', '5.2.1', '6.0.0'])('a module of the site is offered on Joomla %s', async (joomla) => {
    const { result } = await look('mod_joomlalabs_swiperslider.updates.xml', { joomla, extensions: [slider] });
    expect([result.offered.map((row) => row.version), result.warnings]).toEqual([['2.1.0'], []]);
  });

  it('the component of Joomla 4.0 is offered there and nowhere later', async () => {
    const on4 = await look('com_joomlaupdate.updates.xml', { joomla: '4.0.1', extensions: [core] });
    expect(on4.result.offered.map((row) => row.version)).toEqual(['4.0.2']);
    const on5 = await look('com_joomlaupdate.updates.xml', { extensions: [core] });
    expect(on5.result.rows).toEqual([]);
    expect(describeOffer(on5.site, on5.result)).toContain('it is for Joomla');
  });

  it('a package that is no longer what was hashed is refused', async () => {
    const { site, result } = await look('mod_joomlalabs_swiperslider.updates.xml', { extensions: [slider] });
    const [row] = result.offered;
    if (row === undefined) throw new Error('nothing is offered');
    const feed = sample('mod_joomlalabs_swiperslider.updates.xml');
    const zip = await aZip();
    const http: Http = async ({ url }) => ({ status: 200, headers: {}, body: url === site.feedUrl ? feed : zip, url });
    const verdict = await installUpdate(site, row, http);
    expect(verdict).toMatchObject({ outcome: 'checksum-wrong', version: '2.1.0' });
    expect(verdict.fileName).toMatch(/^mod_joomlalabs_swiperslider_module.*\.zip$/);
  });

  it('the pre-update check wants the installed version in the list', async () => {
    const { site, http } = await look('mod_joomlalabs_swiperslider.updates.xml', {
      joomla: '5.2.1',
      extensions: [slider],
    });
    expect((await preUpdateCheck(site, '6.0.0', http, { version: '2.1.0' })).verdict).toBe('fit');
    expect((await preUpdateCheck(site, '6.0.0', http, { version: '1.0.0' })).verdict).toBe('update-first');
    expect((await preUpdateCheck(site, '7.0.0', http)).verdict).toBe('unknown');
  });

  it('a template feed without client and with placeholders is never shown', async () => {
    const plugin = anExtension({ type: 'plugin', element: 'mokowaas', folder: 'system', clientId: 0 });
    const { result } = await look('mokowaas.updates.xml', { extensions: [plugin] });
    expect([result.offered, result.fatal]).toEqual([[], null]);
    expect(result.rows).toHaveLength(1);
  });

  it("Joomla's own collection has one line for an old Joomla, the directory's none", async () => {
    const joomla = anExtension({ type: 'file', element: 'joomla', clientId: 0, version: '3.4.0' });
    const list: Partial<JoomlaSite> = { feedType: 'collection', joomla: '3.4.0', extensions: [joomla] };
    const { result } = await look('joomla-core-list.collection.xml', list);
    expect(result.offered.length).toBeGreaterThan(0);
    expect((await look('jed-list.collection.xml', list)).result.rows).toEqual([]);
  });

  it('a changelog shows each version its own bullets', () => {
    expect(parseChangelog(sample('pkg_weblinks.changelog.xml'), '5.1.0')).toEqual({
      failure: null,
      sections: [
        { word: 'change', bullets: ['Code clean'] },
        { word: 'note', bullets: ['Crowdin Language Files'] },
      ],
    });
    expect(parseChangelog(sample('pkg_weblinks.changelog.xml'), '9.9.9').sections).toBeNull();
  });
});
