import { expect, it } from 'vitest';
import type { InstallationRecord } from './installed.ts';
import { productsOn } from './site-products.ts';

const at = (day: number) => `2026-01-0${day}T12:00:00.000Z`;

function installation(change: Partial<InstallationRecord>): InstallationRecord {
  return {
    ...{ productId: 'prd_1', keyId: 'key_1', site: 'a.example.com', licenseId: 'lic_1', version: '1.0.0' },
    ...{ versionFrom: 'reported', platformVersion: 'joomla/5.2.1', activationId: 'act_1' },
    ...{ firstSeenAt: at(1), changedAt: at(1), lastSeenAt: at(1) },
    ...change,
  };
}

it('of several installations under one slot the one heard last says what runs there', () => {
  const hosts = [
    installation({ site: 'b.example.com', version: '1.1.0', firstSeenAt: at(2), changedAt: at(3), lastSeenAt: at(4) }),
    installation({}),
    installation({ keyId: 'key_2', version: '', versionFrom: '', platformVersion: '', lastSeenAt: at(5) }),
    installation({ productId: 'prd_0', platformVersion: '' }),
  ];
  expect(productsOn(hosts)).toEqual([
    {
      ...{ productId: 'prd_0', version: '1.0.0', versionFrom: 'reported', platformVersion: '' },
      ...{ firstSeenAt: at(1), changedAt: at(1) },
    },
    {
      ...{ productId: 'prd_1', version: '1.1.0', versionFrom: 'reported', platformVersion: 'joomla/5.2.1' },
      ...{ firstSeenAt: at(1), changedAt: at(3) },
    },
  ]);
});

it('where nothing runs there is none', () => {
  expect(productsOn([])).toEqual([]);
});
