import { expect, it } from 'vitest';
import { onEachDatabase } from '../../test/support/databases.ts';
import { seedForge, seedOrganization } from '../../test/support/seed.ts';
import { findOrganization, updateOrganization } from '../forge/store.ts';
import { NO_ORGANIZATION_SETTINGS, OrganizationSettings } from './organization-settings.ts';

it('settings of an organization have defaults, part by part', () => {
  expect(NO_ORGANIZATION_SETTINGS).toMatchObject({
    testKey: { packageId: null, days: 14, sites: 1 },
    newProduct: {
      ...{ platforms: null, mode: 'listed', openChannels: ['stable'], missingSite: 'allow', claimOn: 'download' },
      targets: {},
    },
  });
  expect(OrganizationSettings.parse({ testKey: { sites: null } }).testKey).toEqual({
    ...{ packageId: null, days: 14, sites: null },
  });
});

onEachDatabase('settings of an organization', (database) => {
  it('are kept, and read with the defaults of what was not set', async () => {
    const { db } = database();
    const { id } = await seedOrganization(db, await seedForge(db));
    const read = () => db.read((tx) => findOrganization(tx, id));
    expect((await read())?.settings).toEqual(NO_ORGANIZATION_SETTINGS);
    const settings = { ...NO_ORGANIZATION_SETTINGS, testKey: { packageId: 'pkg_1', days: 3, sites: null } };
    const change = { settings, renewUrl: 'https://shop.example/', supportUrl: 'https://help.example/' };
    await db.tx((tx) => updateOrganization(tx, id, change));
    expect(await read()).toMatchObject(change);
    await db.tx((tx) => tx('organizations').where({ id }).update({ settings: '{"testKey":{"days":5}}' }));
    expect((await read())?.settings.testKey).toEqual({ packageId: null, days: 5, sites: 1 });
  });
});
