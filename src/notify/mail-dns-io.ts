import { Resolver } from 'node:dns/promises';
import { DKIM_SELECTORS, type DomainRecords } from './mail-domain.ts';

/** The part of Node's resolver that is asked here; tests put their own name server in its place. */
export type Names = Pick<Resolver, 'resolveTxt'>;

const NOTHING = new Set(['ENODATA', 'ENOTFOUND']);

function systemNames(): Names {
  return new Resolver({ timeout: 3_000, tries: 2 });
}

/** Looks up what a mail server would before it takes a mail of this domain. */
export async function lookUpDomain(domain: string, names: Names = systemNames()): Promise<DomainRecords> {
  const text = async (name: string): Promise<string[] | null> => {
    try {
      return (await names.resolveTxt(name)).map((parts) => parts.join(''));
    } catch (error) {
      return NOTHING.has((error as { code?: string }).code ?? '') ? [] : null;
    }
  };
  const keys = await Promise.all(
    DKIM_SELECTORS.map(async (selector) => {
      const records = await text(`${selector}._domainkey.${domain}`);
      return records?.some((record) => /(^|;)\s*p=[^;\s]/.test(record)) ? selector : null;
    }),
  );
  return {
    own: await text(domain),
    dmarc: await text(`_dmarc.${domain}`),
    dkim: keys.filter((selector) => selector !== null),
  };
}
