export const CUSTOMER_KINDS = ['customer', 'prospect', 'internal', 'reseller'] as const;
export type CustomerKind = (typeof CUSTOMER_KINDS)[number];

/** What a vendor writes down of a customer. */
export interface CustomerFacts {
  name: string;
  /** Lower case; empty where none is known. */
  email: string;
  kind: CustomerKind;
  organizationName: string;
  /** The id in the vendor's own books; no two customers of an organization have one. */
  externalCustomerId: string | null;
  /** The id of a workspace or account elsewhere, which several may share. */
  externalWorkspaceId: string | null;
  notes: string;
  /** A language tag such as `de` or `pt-BR`; empty: not known. */
  language: string;
}

export const NO_CUSTOMER_FACTS: Omit<CustomerFacts, 'name' | 'email' | 'kind'> = {
  organizationName: '',
  externalCustomerId: null,
  externalWorkspaceId: null,
  notes: '',
  language: '',
};

/** What is to be another; undefined: as it is. */
export type FactsChange = { [K in keyof CustomerFacts]?: CustomerFacts[K] | undefined };

/** All facts after a change, and what it changes, by the names of fields. Long notes are not told twice. */
export function changedFacts(
  before: CustomerFacts,
  change: FactsChange,
): { facts: CustomerFacts; changes: Record<string, { from: string | null; to: string | null }> } {
  const { name, email, kind, organizationName, externalCustomerId, externalWorkspaceId, notes, language } = before;
  const known = { name, email, kind, organizationName, externalCustomerId, externalWorkspaceId, notes, language };
  const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
  const facts: CustomerFacts = { ...known, ...given };
  const fields = (Object.keys(known) as (keyof CustomerFacts)[]).filter((field) => facts[field] !== known[field]);
  const told = (field: keyof CustomerFacts, value: string | null) => (field === 'notes' ? '…' : value);
  const changes = fields.map((field) => {
    const name = field.replace(/[A-Z]/g, (sign) => `_${sign.toLowerCase()}`);
    return [name, { from: told(field, known[field]), to: told(field, facts[field]) }];
  });
  return { facts, changes: Object.fromEntries(changes) };
}

/** What a customer has after a double was merged into it: its own facts, and the double's where it has none. */
export function mergedFacts(survivor: CustomerFacts, double: CustomerFacts): CustomerFacts {
  const { facts } = changedFacts(survivor, {});
  return {
    ...facts,
    email: facts.email || double.email,
    organizationName: facts.organizationName || double.organizationName,
    externalCustomerId: facts.externalCustomerId ?? double.externalCustomerId,
    externalWorkspaceId: facts.externalWorkspaceId ?? double.externalWorkspaceId,
    language: facts.language || double.language,
    notes: [facts.notes, double.notes]
      .filter((text) => text !== '')
      .join('\n\n')
      .slice(0, NOTES_LIMIT),
  };
}

export const NOTES_LIMIT = 10_000;

/** Which customers of an organization are meant; all that is said must hold. Doubles that were merged are never among them. */
export interface CustomerFilter {
  organizationId: string;
  /** Beginnings of words, each of which must be found. Empty: nobody is. */
  words?: readonly string[] | undefined;
  email?: string | undefined;
  emailPrefix?: string | undefined;
  kind?: CustomerKind | undefined;
  externalCustomerId?: string | undefined;
  externalWorkspaceId?: string | undefined;
  createdFrom?: string | undefined;
  createdBefore?: string | undefined;
}

export const CUSTOMER_SORTS = ['created', '-created', 'name', '-name', 'email', '-email'] as const;
export type CustomerSort = (typeof CUSTOMER_SORTS)[number];
