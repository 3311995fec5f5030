import type { UpdateCheck } from './update-check.ts';

/** What the administrator of a Dolibarr sees on his modules page, and why, in one sentence for the owner of the product. */
export function describeCheck(check: UpdateCheck): string {
  const { installed, lastVersion } = check;
  switch (check.cause) {
    case 'newer':
      return `Dolibarr shows an update from ${installed} to ${lastVersion}${oddStatus(check.status)}.`;
    case 'not_newer':
      return `Dolibarr shows nothing: it was told ${lastVersion}, which is not newer than ${installed}${oddStatus(check.status)}.`;
    case 'empty':
      return 'Dolibarr shows nothing: the answer was empty, which it takes for "up to date".';
    case 'no_answer':
      return 'Dolibarr shows nothing: no answer came, which it takes for "up to date".';
    case 'too_long':
      return 'Dolibarr shows "version check failed": the answer has 30 bytes or more.';
    case 'refused_address':
      return 'Dolibarr shows "version check failed": it does not call private addresses, and only http and https.';
    case 'no_url':
      return 'Dolibarr shows nothing: the module names no address to ask ($this->url_last_version).';
  }
}

function oddStatus(status: number | null): string {
  return status === null || (status >= 200 && status < 300)
    ? ''
    : ` (although the answer has status ${status}, which it ignores)`;
}
