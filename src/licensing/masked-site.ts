import { registrableDomain } from './site-identity.ts';
import { BY_INSTANCE, WILDCARD } from './slots.ts';

const MASK = '***';

/**
 * A site's name for whoever holds the key: its owner knows his own sites by it, and from a key that went round nobody learns where
 * they are. `shop.example.co.uk` is `sh***.ex***.co.uk`.
 */
export function maskedSite(identity: string): string {
  if (identity.startsWith(BY_INSTANCE)) return `${identity.slice(0, BY_INSTANCE.length + 6)}${MASK}`;
  if (identity.startsWith(WILDCARD)) return `${WILDCARD}${maskedSite(identity.slice(WILDCARD.length))}`;
  const registrable = registrableDomain(identity);
  if (registrable === null) return identity.startsWith('[') ? `[${identity.slice(1, 5)}${MASK}]` : cut(identity);
  const suffix = registrable.slice(registrable.indexOf('.') + 1);
  const own = identity.slice(0, identity.length - suffix.length - 1).split('.');
  return [...own.map(cut), suffix].join('.');
}

/** Short names show less, so that no whole one is shown. */
function cut(label: string): string {
  return `${label.slice(0, label.length > 3 ? 2 : 1)}${MASK}`;
}
