import type { Teller } from './api-examples.ts';

type Does = Teller['does'];

const ORG = { org: 'acme' };
const REPO = { org: 'acme', repo: 'hello' };

/** What is set up once and looked at again: versions of packages, one that nobody bought, tokens for machines. */
export async function settingUp(does: Does, packages: { yearly: string; bundle: string }, product: { id: string }) {
  await does('listRepositoryPackageVersions', { params: { ...REPO, id: packages.yearly } });
  await does('listOrganizationPackageVersions', { params: { ...ORG, id: packages.bundle } });
  const typo = { name: 'One yaer', duration: { value: 1, unit: 'year' }, sites: 1 };
  const { id } = await does('createOrganizationPackage', { params: ORG, body: typo });
  await does('deleteOrganizationPackage', { params: { ...ORG, id } });
  const same = await does('createRepositoryPackage', { params: REPO, body: typo });
  await does('deleteRepositoryPackage', { params: { ...REPO, id: same.id } });
  await tokens(does, product);
}

async function tokens(does: Does, product: { id: string }) {
  const shop = { name: 'Shop', scopes: ['payments:write'], expires_at: '2027-01-01T00:00:00Z' };
  const made = await does('createOrganizationToken', { params: ORG, body: shop });
  await does('listOrganizationTokens', { params: ORG });
  const ci = await does('createProductToken', { params: product, body: { name: 'CI', scopes: ['releases:write'] } });
  await does('listProductTokens', { params: product });
  await does('getToken', { params: { id: made.id } });
  const rotation = { overlap_hours: 48, expires_at: '2028-01-01T00:00:00Z' };
  await does('rotateToken', { params: { id: made.id }, body: rotation });
  await does('revokeToken', { params: { id: ci.id } });
}
