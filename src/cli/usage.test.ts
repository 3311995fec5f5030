import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeGitRepository } from '../../test/support/git-repository.ts';
import { demoRepositories } from './demo-repositories.ts';
import { newInstallation, PUBLIC_URL, type TestInstallation } from './test-cli.ts';

describe('usage on the command line', () => {
  let installation: TestInstallation;
  beforeAll(async () => {
    installation = newInstallation();
    const folder = join(installation.folder, 'git');
    mkdirSync(folder);
    await makeGitRepository(folder, 'desk', demoRepositories(PUBLIC_URL, 'acme').joomla.tags.slice(0, 1));
    await installation.run('forge', 'add', '--kind', 'git', '--url', folder);
    await installation.run('product', 'add', 'acme/desk');
  });
  afterAll(() => installation.remove());

  it('tells totals and series of a product and of its organization', async () => {
    for (const name of ['acme/desk', 'acme']) {
      const { code, json } = await installation.run('usage', name, '--by', 'version', '--json');
      expect([code, json.group_by, json.totals.polls, json.items]).toEqual([0, 'version', 0, []]);
      expect((await installation.run('usage', name, '--by', 'version')).said).toMatch(/^version +polls +downloads/);
    }
  });

  it('tells who runs which version', async () => {
    const { code, json } = await installation.run('installations', 'acme/desk', '--version', '1.2', '--json');
    expect([code, json]).toEqual([0, { total: 0, unknown: 0, versions: [], items: [] }]);
    expect((await installation.run('installations', 'acme/desk', '--below', 'x y')).code).toBe(1);
  });

  it('says what is wrong with its words', async () => {
    const { run } = installation;
    for (const argv of [
      ['usage'],
      ['usage', 'acme', '--by', 'moon'],
      ['usage', 'acme', '--by', 'site'],
      ['usage', 'acme', '--from', 'yesterday'],
      ['usage', 'acme', '--refusals'],
      ['installations'],
    ])
      expect([argv, (await run(...argv)).code]).toEqual([argv, 2]);
    expect((await run('usage', 'nobody/x')).code).toBe(1);
    expect((await run('usage', 'acme', '--days', '400')).code).toBe(1);
  });
});
