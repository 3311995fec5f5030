import { expect, it } from 'vitest';
import { onEachDatabase } from '../../test/support/databases.ts';
import { seedPackage, seedShop, seedSoldLicense } from '../../test/support/seed.ts';
import { packageTerms } from '../../test/support/seed-ledger.ts';
import { ledgersOf } from './store-lookup.ts';
import { findPackage } from './store-packages.ts';

onEachDatabase('packages as they are stored', (database) => {
  it('read terms from before there was overage and takeover as without them', async () => {
    const { db } = database();
    const shop = await seedShop(db);
    const sold = await seedSoldLicense(db, shop, {});
    const { overage: _, takeoverDays: __, ...old } = packageTerms();
    const where = { package_id: sold.package.id };
    await db.tx((tx) =>
      tx('package_versions')
        .where(where)
        .update({ terms: JSON.stringify(old) }),
    );
    expect((await db.read((tx) => findPackage(tx, sold.package.id)))?.terms).toEqual(packageTerms());
    const ledgers = await db.read((tx) => ledgersOf(tx, [sold.license.id]));
    expect(ledgers.get(sold.license.id)?.[0]?.package.terms).toEqual(packageTerms());
  });

  it('keep overage and takeover', async () => {
    const { db } = database();
    const { organization } = await seedShop(db);
    const terms = packageTerms({ overage: { percent: 20 }, takeoverDays: 30 });
    const { id } = await seedPackage(db, organization, { terms });
    expect((await db.read((tx) => findPackage(tx, id)))?.terms).toEqual(terms);
  });
});
