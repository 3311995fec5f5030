/** Host and path of an address without scheme, user, key segment and query: enough to tell feeds apart, and no secret in it. */
export function feedPlace(url: string): string | null {
  try {
    const { host, pathname } = new URL(url);
    return `${host}${pathname.replace(/\/k\/[^/]+(?=\/|$)/, '').replace(/\/+$/, '')}`;
  } catch {
    return null;
  }
}

/** Whether a module asks one of these feeds; the stock check reads text only, so an XML feed does not count. */
export function asksOneOf(url: string, feedUrls: readonly string[]): boolean {
  const place = feedPlace(url);
  if (place === null || place.endsWith('.xml')) return false;
  return feedUrls.some((feed) => feedPlace(feed) === place);
}
