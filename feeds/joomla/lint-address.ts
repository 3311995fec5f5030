/** What of an update server's address tells whether it is ours: scheme, query, key and Joomla's second-try tail do not. */
interface Place {
  host: string;
  path: string;
  /** The path without `/k/KEY`, if it holds one. */
  keyless: string | null;
}

/** True if Joomla would get this product's feed at that address. */
export function isOurs(url: string, feedUrls: string[]): boolean {
  const place = placeOf(url);
  if (!place) return false;
  return feedUrls.some((feedUrl) => {
    const feed = placeOf(feedUrl);
    return feed !== null && feed.host === place.host && (feed.path === place.path || feed.path === place.keyless);
  });
}

/** True for the form `/k/KEY/…`, where the address itself proves the license. */
export function holdsKey(url: string): boolean {
  return placeOf(url)?.keyless != null;
}

function placeOf(url: string): Place | null {
  if (!URL.canParse(url)) return null;
  const { host, pathname } = new URL(url);
  const path = pathname.replace(/\/+/g, '/').replace(/\/extension\.xml$/, '');
  const keyless = path.replace(/\/k\/[^/]+(?=\/)/, '');
  return { host, path, keyless: keyless === path ? null : keyless };
}
