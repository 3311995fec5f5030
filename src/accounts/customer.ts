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
