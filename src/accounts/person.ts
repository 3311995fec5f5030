/** A person who signed in with a forge, or the operator who came by a login link. */
export interface Person {
  id: string;
  /** The forge that vouches for him; null: the operator. */
  forgeId: string | null;
  /** His id there, which survives a change of name; empty for the operator. */
  remoteId: string;
  login: string;
  name: string;
}

/** A person by one of his sessions. */
export interface SignedIn extends Person {
  sessionId: string;
}

/** Whose session it is. `other_site`: there is a session, but the request was not made by a page of ours. */
export type PersonAnswer = { kind: 'active'; person: SignedIn } | { kind: 'none' | 'ended' | 'other_site' };

/** What stands for a person in the table of users: one for each id on a forge, and one for the operator. */
export function identityOf({ forgeId, remoteId }: Pick<Person, 'forgeId' | 'remoteId'>): string {
  return forgeId === null ? 'operator' : `${forgeId}:${remoteId}`;
}

export const OPERATOR = { forgeId: null, remoteId: '', login: 'operator', name: 'Operator' } as const;
