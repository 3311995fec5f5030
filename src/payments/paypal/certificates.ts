import { X509Certificate } from 'node:crypto';

/** What is wrong with a certificate; `incomplete`: nothing but that its issuer was not sent along. */
export type ChainFault = 'incomplete' | 'self_signed' | 'untrusted' | 'expired' | 'name' | 'kind';

const DEEPEST = 6;
const BLOCK = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/** All certificates of a PEM text; null: one of them is none. */
export function certificatesIn(pem: string): X509Certificate[] | null {
  try {
    return (pem.match(BLOCK) ?? []).map((block) => new X509Certificate(block));
  } catch {
    return null;
  }
}

/**
 * Whether the first of them may sign for PayPal: its name, an RSA key, the dates of all up to a trusted root, and every signature on the
 * way. Only what is marked as an authority may sign others.
 */
export function chainFault(
  [leaf, ...others]: readonly X509Certificate[],
  roots: readonly X509Certificate[],
  { names, now }: { names: readonly string[]; now: number },
): ChainFault | null {
  if (leaf === undefined || leaf.publicKey.asymmetricKeyType !== 'rsa') return 'kind';
  if (!names.includes(commonNameOf(leaf))) return 'name';
  let at = leaf;
  for (let depth = 0; depth < DEEPEST; depth++) {
    if (!isValidAt(at, now)) return 'expired';
    if (roots.some((root) => root.raw.equals(at.raw))) return depth === 0 ? 'untrusted' : null;
    const root = roots.find((each) => isIssuedBy(at, each));
    if (root) return isValidAt(root, now) ? null : 'expired';
    if (isIssuedBy(at, at)) return depth === 0 ? 'self_signed' : 'untrusted';
    const next = others.find((each) => each !== at && isIssuedBy(at, each));
    if (next === undefined) return 'incomplete';
    at = next;
  }
  return 'untrusted';
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  const isItself = certificate === issuer;
  return (isItself || issuer.ca) && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function isValidAt(certificate: X509Certificate, now: number): boolean {
  return Date.parse(certificate.validFrom) <= now && now <= Date.parse(certificate.validTo);
}

function commonNameOf({ subject }: X509Certificate): string {
  const names = subject.split('\n').filter((part) => part.startsWith('CN='));
  return names.length === 1 ? (names[0] ?? '').slice(3) : '';
}
