/** A product where it runs, as far as its requests tell: under a key, on a site, or both. */
export interface InstallationRecord {
  productId: string;
  /** Empty where it asks without a key. */
  keyId: string;
  /** Empty where it never names its site, as stock Joomla. */
  site: string;
  licenseId: string;
  /** Empty where it is not known. */
  version: string;
  /** `reported` by the client, or `downloaded`: what it fetched last, where it never said. */
  versionFrom: '' | 'reported' | 'downloaded';
  platformVersion: string;
  firstSeenAt: string;
  /** Since when it has been this version on this platform. */
  changedAt: string;
  lastSeenAt: string;
  /** The slot that its site was last seen under; null: it has none. */
  activationId: string | null;
}

/** Where a page of installations ended. */
export type InstallationPlace = [version: string, keyId: string, site: string];

/** An installation with whose it is; null where it asks without a key. */
export interface OwnedInstallation extends InstallationRecord {
  keyHint: string | null;
  keyLabel: string | null;
  customerId: string | null;
  customerName: string | null;
  customerEmail: string | null;
}

/** Requests of one installation that were alike, in one slice of the log. */
export interface Sign {
  productId: string;
  keyId: string;
  licenseId: string;
  site: string;
  kind: string;
  version: string;
  platformVersion: string;
  refused: boolean;
  /** Of the last of them. */
  at: string;
}

/** One installation that counts on a day, under a version. */
export interface DayCount {
  productId: string;
  day: string;
  version: string;
  platformVersion: string;
  /** False: it counted on that day before, under another version. */
  isFirst: boolean;
}

/** What an installation is after signs of it. */
export interface Seen {
  installation: InstallationRecord;
  counts: DayCount[];
}

/** Whether requests can be told from those of others at all. */
export function isInstallation({ keyId, site }: Pick<Sign, 'keyId' | 'site'>): boolean {
  return keyId !== '' || site !== '';
}

export function installationId({ productId, keyId, site }: Pick<Sign, 'productId' | 'keyId' | 'site'>): string {
  return `${productId}\n${keyId}\n${site}`;
}

/**
 * Takes in signs of one installation, oldest first. What the client says of itself goes before what it fetched: a download may be for
 * another machine, or never be installed. It counts once a day, and once more under a version that it changes to on that day.
 */
export function takeSigns(known: InstallationRecord | undefined, signs: readonly Sign[]): Seen {
  const counts: DayCount[] = [];
  let before = known;
  let installation = known;
  for (const sign of signs) {
    installation = afterSign(before, sign);
    const day = sign.at.slice(0, 10);
    const lastDay = before?.lastSeenAt.slice(0, 10) ?? '';
    const isFirst = lastDay < day;
    if (isFirst || (lastDay === day && installation.version !== before?.version)) {
      const { productId, version, platformVersion } = installation;
      counts.push({ productId, day, version, platformVersion, isFirst });
    }
    before = installation;
  }
  if (installation === undefined) throw new Error('no sign of the installation');
  return { installation, counts };
}

function afterSign(known: InstallationRecord | undefined, sign: Sign): InstallationRecord {
  const { productId, keyId, site, licenseId, at } = sign;
  const base = known ?? {
    ...{ productId, keyId, site, licenseId, version: '', versionFrom: '' as const, platformVersion: '' },
    ...{ firstSeenAt: at, changedAt: at, lastSeenAt: at, activationId: null },
  };
  const isLate = at < base.lastSeenAt;
  const from = versionFrom(sign);
  const isBetter = from !== '' && !isLate && (from === 'reported' || base.versionFrom !== 'reported');
  const version = isBetter ? sign.version : base.version;
  const platformVersion = sign.platformVersion !== '' && !isLate ? sign.platformVersion : base.platformVersion;
  const isChanged = version !== base.version || platformVersion !== base.platformVersion;
  return {
    ...base,
    ...{ version, versionFrom: isBetter ? from : base.versionFrom, platformVersion },
    changedAt: isChanged ? at : base.changedAt,
    firstSeenAt: earlier(at, base.firstSeenAt),
    lastSeenAt: isLate ? base.lastSeenAt : at,
  };
}

function versionFrom({ version, kind, refused }: Sign): InstallationRecord['versionFrom'] {
  if (version === '') return '';
  if (kind !== 'download') return 'reported';
  return refused ? '' : 'downloaded';
}

/** Instants as text sort as time does. */
function earlier(a: string, b: string): string {
  return [a, b].sort()[0] as string;
}
