/** How other systems name their columns. Names are compared in small letters, without anything but letters and digits. */
export interface Profile {
  /** Their column -> ours. */
  columns: Readonly<Record<string, string>>;
  /** 0 means "no limit" and "no end" there. */
  zeroIsUnlimited: boolean;
}

export const IMPORT_KINDS = ['packages', 'customers', 'keys', 'sites'] as const;
export type ImportKind = (typeof IMPORT_KINDS)[number];

export const COLUMNS: Record<ImportKind, readonly string[]> = {
  packages: [
    ...['ref', 'name', 'kind', 'repository', 'active', 'duration', 'duration_days', 'sites', 'channels', 'grace_days'],
    ...['after_end', 'products'],
  ],
  customers: [
    ...['ref', 'name', 'email', 'kind', 'organization_name', 'external_customer_id', 'external_workspace_id', 'notes'],
  ],
  keys: [
    ...['ref', 'license', 'key', 'key_sha256', 'package', 'quantity', 'customer_name', 'customer_email'],
    ...['customer_organization', 'external_customer_id', 'given_at', 'valid_until', 'payment_ref', 'status', 'role'],
    ...['label', 'purpose', 'site_limit', 'domains', 'sites', 'notes'],
  ],
  sites: ['license', 'key', 'key_sha256', 'site', 'first_seen_at', 'last_seen_at'],
};

const COMMON = {
  licensekey: 'key',
  license: 'license',
  sha256: 'key_sha256',
  keyhash: 'key_sha256',
  email: 'customer_email',
  name: 'customer_name',
  plan: 'package',
  product: 'package',
  expires: 'valid_until',
  expiresat: 'valid_until',
  expirationdate: 'valid_until',
  expiration: 'valid_until',
  enddate: 'valid_until',
  startdate: 'given_at',
  createdat: 'given_at',
  datecreated: 'given_at',
  domain: 'domains',
  paymentid: 'payment_ref',
  orderid: 'payment_ref',
  activationlimit: 'site_limit',
  urls: 'sites',
  activatedurls: 'sites',
};

/** What shops and servers give out, as far as it is public; `--map` says the rest. */
export const PROFILES: Record<string, Profile> = {
  feedgate: { columns: {}, zeroIsUnlimited: false },
  csv: { columns: COMMON, zeroIsUnlimited: false },
  mokogitea: {
    zeroIsUnlimited: true,
    columns: {
      ...COMMON,
      dlid: 'key',
      licenseename: 'customer_name',
      licenseeemail: 'customer_email',
      contact: 'customer_email',
      user: 'customer_name',
      packageid: 'package',
      packagename: 'package',
      producttier: 'package',
      domainrestriction: 'domains',
      maxsites: 'site_limit',
      isinternal: 'role',
      ismaster: 'role',
      activations: 'sites',
      durationdays: 'duration_days',
      maxdomains: 'sites',
      repositories: 'products',
      reposcope: 'products',
      id: 'ref',
    },
  },
  edd: {
    columns: { ...COMMON, id: 'ref', customeremail: 'customer_email', customername: 'customer_name' },
    zeroIsUnlimited: true,
  },
  ars: {
    columns: {
      ...COMMON,
      dlid: 'key',
      downloadid: 'key',
      username: 'customer_name',
      useremail: 'customer_email',
      title: 'label',
    },
    zeroIsUnlimited: false,
  },
};

/** Of these kinds a name that others use for a key's fields means another column. */
const OWN_MEANING: Partial<Record<ImportKind, Readonly<Record<string, string>>>> = {
  packages: { name: 'name', maxsites: 'sites', key: 'ref', duration: 'duration', durationdays: 'duration_days' },
  customers: { name: 'name', email: 'email', product: '', plan: '' },
  sites: { domain: 'site', url: 'site', host: 'site', createdat: 'first_seen_at', lastseen: 'last_seen_at' },
};

/** Which of our columns a header names; null: none. What `map` says goes before everything else. */
export function columnOf(
  header: string,
  kind: ImportKind,
  profile: Profile,
  map: ReadonlyMap<string, string>,
): string | null {
  const said = map.get(header.trim().toLowerCase());
  if (said !== undefined) return said === '' ? null : said;
  const plain = header.toLowerCase().replace(/[^a-z0-9]/g, '');
  const own = COLUMNS[kind].find((column) => column.replace(/_/g, '') === plain);
  const named = OWN_MEANING[kind]?.[plain] ?? own ?? profile.columns[plain];
  return named !== undefined && COLUMNS[kind].includes(named) ? named : null;
}
