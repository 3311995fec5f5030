/** What a version number of a vendor may look like; longer ones than 40 characters are nobody's. */
const PATTERN = /^[0-9A-Za-z][0-9A-Za-z.+_-]{0,39}$/;

/** The version of the product that a client says it runs; null where it says none, or something that cannot be one. */
export function versionOrNull(text: string | null): string | null {
  const trimmed = text?.trim() ?? '';
  return PATTERN.test(trimmed) ? trimmed : null;
}
