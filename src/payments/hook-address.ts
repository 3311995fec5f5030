/** Where a provider sends the events of an organization's accounts. */
export function hookAddress(publicUrl: string, provider: string, slug: string): string {
  return `${publicUrl}/api/${provider}/webhook/${slug}`;
}
