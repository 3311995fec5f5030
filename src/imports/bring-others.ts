import { holdsRole } from '../accounts/role.ts';
import { holdsScope } from '../accounts/scope.ts';
import { insertCustomer } from '../accounts/store-customers.ts';
import { toIso } from '../clock.ts';
import { newId } from '../ids.ts';
import type { PackageTerms } from '../licensing/package-terms.ts';
import { createPackage } from '../licensing/packages.ts';
import { findPackage, type PackageRecord, updatePackage } from '../licensing/store-packages.ts';
import { addAddressIn } from '../releases/aliases.ts';
import { changeProductIn } from '../releases/products.ts';
import {
  created,
  type ImportBatch,
  isOfThisRun,
  madeAs,
  noteMade,
  refused,
  type Told,
  unchanged,
  WOULD_BE,
} from './import-batch.ts';
import type { CustomerItem, PackageItem, ProductItem, Terms } from './import-format.ts';

/** The package that a row names: by what it was called where it comes from, by its name or by its id here. */
export function packageNamed(batch: ImportBatch, name: string): ImportBatch['packages'][number] | null {
  const id = madeAs(batch, 'package', name);
  const lower = name.toLowerCase();
  const usable = batch.packages.filter(({ kind }) => kind !== 'master');
  return (
    usable.find((each) => each.id === id || each.id === name) ??
    usable.find((each) => each.name.toLowerCase() === lower) ??
    null
  );
}

export async function bringPackage(batch: ImportBatch, item: PackageItem): Promise<Told> {
  const known = madeAs(batch, 'package', item.ref);
  if (known !== undefined)
    return isOfThisRun(batch, 'package', item.ref)
      ? refused('TWICE_IN_FILE', 'an earlier line has this package')
      : unchanged('was brought in before', known);
  const repositoryId = item.repository === null ? null : batch.repositories.get(item.repository.toLowerCase());
  if (repositoryId === undefined)
    return refused('REPOSITORY_UNKNOWN', `there is no repository "${item.repository}" here`);
  const same = batch.packages.find(
    (each) => each.id === item.ref || (each.name === item.name && each.repositoryId === repositoryId),
  );
  if (same !== undefined) {
    noteMade(batch, 'package', item.ref, same.id);
    return unchanged(`"${same.name}" is here already and stays as it is`, same.id);
  }
  const versions = item.versions.map((terms) => termsHere(batch, terms));
  const missing = versions.flatMap((each) => (typeof each === 'string' ? [each] : []));
  if (missing.length > 0) return refused('PRODUCT_UNKNOWN', `there is no product "${missing[0]}" here; add it first`);
  const [first, ...later] = versions as PackageTerms[];
  const words = `a package${later.length > 0 ? ` in ${versions.length} versions` : ''}`;
  const { name, kind } = item;
  if (batch.isDry) {
    const terms = (later.at(-1) ?? first) as PackageTerms;
    const head = { id: `${WOULD_BE}:${item.ref}`, organizationId: batch.organization.id, repositoryId, name, kind };
    const rest = { description: item.description, position: 0, createdAt: '', terms };
    const record = { ...head, active: item.active, version: versions.length, ...rest };
    batch.packages.push(record);
    batch.dryPackages.push(record);
    noteMade(batch, 'package', item.ref, head.id);
    return created(words, WOULD_BE);
  }
  const wish = { repositoryId, name, kind, description: item.description, terms: first as PackageTerms };
  const { id } = await createPackage(batch.tx, batch.secrets, batch.organization, wish, batch.by);
  // As they were numbered: a grant names the version that was sold.
  for (const terms of later) await rewrite(batch, id, { terms });
  if (!item.active) await rewrite(batch, id, { active: false });
  const record = (await findPackage(batch.tx, id)) as PackageRecord;
  batch.packages.push(record);
  noteMade(batch, 'package', item.ref, record.id);
  return created(words, record.id);
}

async function rewrite(
  { tx, by }: ImportBatch,
  id: string,
  change: { terms?: PackageTerms; active?: boolean },
): Promise<void> {
  const record = (await findPackage(tx, id)) as PackageRecord;
  await updatePackage(tx, record, change, by.actor.id, toIso(by.now));
}

/** The terms with ids of here; the path of a product that is not here. */
function termsHere({ products }: ImportBatch, terms: Terms): PackageTerms | string {
  const { fixed, products: paths, ...rest } = terms;
  const dates = fixed === null ? null : { from: Date.parse(fixed.from), until: Date.parse(fixed.until) };
  if (paths === null) return { ...rest, fixed: dates, products: null };
  const ids: string[] = [];
  for (const path of paths) {
    const found = products.find((product) => pathBelow(product) === path.toLowerCase());
    if (found === undefined) return path;
    ids.push(found.id);
  }
  return { ...rest, fixed: dates, products: ids };
}

/** `hello` or `hello/pro`, below the organization. */
export function pathBelow({ slug, edition }: { slug: string; edition: string }): string {
  return (edition === '' ? slug : `${slug}/${edition}`).toLowerCase();
}

type Facts = Omit<CustomerItem, 'type' | 'ref'>;

/** The customer with these facts that is here already, by e-mail address or by the id in the vendor's books. */
export function customerLike(batch: ImportBatch, facts: Facts): string | undefined {
  const { email, external_customer_id: external } = facts;
  const by = (kind: string, value: string | null) =>
    value === null || value === ''
      ? undefined
      : (batch.customers.get(`${kind}\n${value}`) ?? madeAs(batch, `customer ${kind}`, value));
  return by('external_customer_id', external) ?? by('email', email);
}

export async function makeCustomer(batch: ImportBatch, facts: Facts): Promise<string> {
  const id = batch.isDry ? WOULD_BE : newId('customer', batch.by.now);
  if (!batch.isDry) {
    const { name, email, kind, organization_name, external_customer_id, external_workspace_id, notes } = facts;
    const record = {
      ...{ id, organizationId: batch.organization.id, name, email, kind, notes, createdAt: toIso(batch.by.now) },
      ...{ organizationName: organization_name, externalCustomerId: external_customer_id },
      externalWorkspaceId: external_workspace_id,
    };
    await insertCustomer(batch.tx, record, batch.by.actor.id);
  }
  // With a blank in its kind it is remembered for this run only.
  if (facts.email !== '') noteMade(batch, 'customer email', facts.email, id);
  if (facts.external_customer_id !== null)
    noteMade(batch, 'customer external_customer_id', facts.external_customer_id, id);
  return id;
}

export async function bringCustomer(batch: ImportBatch, item: CustomerItem): Promise<Told> {
  const known = madeAs(batch, 'customer', item.ref);
  if (known !== undefined)
    return isOfThisRun(batch, 'customer', item.ref)
      ? refused('TWICE_IN_FILE', 'an earlier line has this customer')
      : unchanged('was brought in before', known);
  const same = batch.customers.get(`id\n${item.ref}`) ?? customerLike(batch, item);
  const id = same ?? (await makeCustomer(batch, item));
  noteMade(batch, 'customer', item.ref, id);
  return same === undefined ? created('a customer', id) : unchanged('is here already and stays as it is', id);
}

/**
 * Sets what an owner may set of a product that is here; once, so that a later change of his stays. Who may bring in licenses may not
 * for that set products: a product that is made open gives its files to everybody.
 */
export async function bringProduct(batch: ImportBatch, item: ProductItem): Promise<Told> {
  const product = batch.products.find((each) => pathBelow(each) === item.path.toLowerCase());
  if (product === undefined)
    return refused(
      'PRODUCT_UNKNOWN',
      `there is no product "${item.path}" here; add its repository first, then bring it in again`,
    );
  if (madeAs(batch, 'product', item.ref) !== undefined) return unchanged('was brought in before', product.id);
  const { by, tx } = batch;
  if (!holdsRole(by.actor.role, 'admin') || !holdsScope(by.actor.scopes, 'admin'))
    return refused('REFUSED', 'needs the owner of the organization, or a token with the scope admin');
  if (!batch.isDry) {
    const { mode, open_channels, security_open, claim_on, missing_site } = item;
    await changeProductIn(tx, product.id, { mode, open_channels, security_open, claim_on, missing_site }, by);
    for (const { path, document } of item.aliases) await addAddressIn(tx, product, path, document, by);
  }
  noteMade(batch, 'product', item.ref, product.id);
  return { ...created('its settings', product.id) };
}
