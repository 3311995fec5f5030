/** What the name system says about the domain that mails come from. null: it could not be asked. */
export interface DomainRecords {
  /** TXT records of the domain. */
  own: readonly string[] | null;
  /** TXT records of `_dmarc` below it. */
  dmarc: readonly string[] | null;
  /** The selectors that were asked for and have a key. */
  dkim: readonly string[];
}

export interface DomainFinding {
  about: 'SPF' | 'DKIM' | 'DMARC';
  ok: boolean;
  detail: string;
  fix: string;
}

/** Selectors that mail services use by habit: which one it is stands in a mail and nowhere in the name system. */
export const DKIM_SELECTORS = [
  ...['default', 'dkim', 'mail', 's1', 's2', 'k1', 'k2', 'k3', 'selector1', 'selector2', 'google', 'mx', 'key1'],
  ...['resend', 'pm', 'postmark', 'scph0920', 'mailjet', 'brevo1', 'brevo2', 'mte1', 'mte2', 'dkim1'],
];

/** What big mail services ask of every sender: SPF or DKIM at least, and DMARC from some thousand mails a day on. */
export function judgeDomain(domain: string, { own, dmarc, dkim }: DomainRecords): DomainFinding[] {
  return [spf(domain, own), dkimOf(domain, dkim), dmarcOf(domain, dmarc)];
}

function spf(domain: string, own: readonly string[] | null): DomainFinding {
  const about = 'SPF';
  const fix = `Publish a TXT record at ${domain} that names your mail server, as its documentation says, ending in -all or ~all.`;
  if (own === null) return { about, ok: false, detail: `the name system did not answer for ${domain}`, fix };
  const records = own.filter((text) => /^v=spf1(\s|$)/i.test(text));
  if (records.length === 0) return { about, ok: false, detail: `${domain} has no SPF record`, fix };
  if (records.length > 1)
    return {
      about,
      ok: false,
      detail: `${domain} has ${records.length} SPF records, so none counts`,
      fix: 'Keep one.',
    };
  if (/\s\+?all(\s|$)/i.test(records[0] ?? ''))
    return { about, ok: false, detail: `the SPF record of ${domain} lets everybody send`, fix };
  return { about, ok: true, detail: `${domain} has an SPF record`, fix: '' };
}

function dkimOf(domain: string, dkim: readonly string[]): DomainFinding {
  const about = 'DKIM';
  if (dkim.length > 0) return { about, ok: true, detail: `${domain} has a key (${dkim.join(', ')})`, fix: '' };
  const detail = `no key of ${domain} was found under the usual selectors`;
  return { about, ok: false, detail, fix: 'Send a test mail and look for "dkim=pass"; if it is missing, set DKIM up.' };
}

function dmarcOf(domain: string, dmarc: readonly string[] | null): DomainFinding {
  const about = 'DMARC';
  const fix = `Publish a TXT record at _dmarc.${domain}, at first v=DMARC1; p=none; rua=mailto:you@${domain}.`;
  if (dmarc === null) return { about, ok: false, detail: `the name system did not answer for _dmarc.${domain}`, fix };
  const has = dmarc.some((text) => /^v=DMARC1\s*;/i.test(text));
  return has
    ? { about, ok: true, detail: `${domain} has a DMARC record`, fix: '' }
    : { about, ok: false, detail: `${domain} has no DMARC record`, fix };
}
