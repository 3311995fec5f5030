import { afterEach, beforeEach, expect, it } from 'vitest';
import { onEachDatabase } from '../support/databases.ts';
import { joomlaZip } from '../support/site-archives.ts';
import { openVendor, type Vendor } from '../support/vendor.ts';

onEachDatabase('the mark on a commit', (database) => {
  let vendor: Vendor;
  beforeEach(async () => {
    vendor = await openVendor(database());
  });
  afterEach(() => vendor.close());

  async function publish(tag: string, version: string) {
    const assets = { [`plg_hello-${version}.zip`]: await joomlaZip({ version }) };
    return vendor.forge.publishRelease(vendor.repo, { tag, files: { 'README.md': tag }, assets });
  }

  function marks(tag: string): string[] {
    const commit = vendor.repo.tags.get(tag)?.commit.sha ?? '';
    return (vendor.repo.statuses.get(commit) ?? []).map((one) => `${one.context} ${one.state}: ${one.description}`);
  }

  const sent = () => vendor.forge.requests.filter(({ path }) => path.includes('/statuses/')).length;

  it('says what was found, once, and again only when that changes', async () => {
    const wrong = await publish('v1.0.1', '1.0.0');
    await publish('v0.9.0', '0.9.0');
    await vendor.sync();
    expect(marks('v1.0.1')).toEqual([expect.stringMatching(/^feedgate\/lint failure: \d problems: version mismatch/)]);
    expect(marks('v0.9.0')[0]).toMatch(/^feedgate\/lint warning: \d warnings?: /);
    expect(sent()).toBe(2);
    await vendor.sync();
    expect(sent()).toBe(2);
    const [asset] = wrong.assets;
    if (asset) await vendor.forge.replaceAsset(vendor.repo, wrong, asset, await joomlaZip({ version: '1.0.1' }));
    await vendor.sync();
    expect(marks('v1.0.1')).toEqual([expect.stringMatching(/^feedgate\/lint warning: /)]);
    expect(sent()).toBe(3);
    const status = vendor.repo.statuses.get(vendor.repo.tags.get('v1.0.1')?.commit.sha ?? '')?.[0];
    expect(status?.target_url).toBe(`${vendor.test.url}/${vendor.product.organizationSlug}/hello`);
  });

  it('that the forge refuses is noted, stops nothing, and is forgotten when it works', async () => {
    await publish('v1.0.0', '1.0.0');
    vendor.forge.setFault('forbidden', { path: /statuses/ });
    await vendor.sync();
    expect(await vendor.feed()).toEqual(['1.0.0']);
    expect((await vendor.known()).warnings).toContain(' COMMIT_STATUS_REFUSED');
    vendor.forge.clearFaults();
    await vendor.sync();
    expect((await vendor.known()).warnings).not.toContain(' COMMIT_STATUS_REFUSED');
    expect(marks('v1.0.0')).toHaveLength(1);
  });

  it('is one for all editions of a repository', async () => {
    await vendor.add({ edition: 'pro', settings: { assets: { joomla: '*-pro.zip' } } });
    await publish('v1.0.0', '1.0.0');
    await vendor.sync();
    expect(marks('v1.0.0')).toEqual([expect.stringMatching(/^feedgate\/lint failure: .*asset missing/)]);
  });
});
