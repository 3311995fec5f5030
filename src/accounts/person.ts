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

/** Whose session it is. `other_site`: there is a session, but the request was not made by a page of ours. */
export type PersonAnswer = { kind: 'active'; person: Person } | { kind: 'none' | 'ended' | 'other_site' };
