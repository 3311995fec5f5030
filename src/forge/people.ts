import type { ForgeConnection, RemoteRepository } from './forge.ts';

/** The people's side of the contract of a forge: who somebody is (sign-in), and what he is there (roles). */

/** Our application as the forge knows it. */
export interface LoginApp {
  clientId: string;
  clientSecret: string;
  /** Where the forge sends people back to; must be the registered one to the letter. */
  redirectUrl: string;
}

/** What one sign-in is bound to. `challenge` is the SHA-256 of the verifier (PKCE, S256), base64url. */
export interface LoginStart {
  state: string;
  nonce: string;
  challenge: string;
}

export interface LoginReturn {
  code: string;
  verifier: string;
  nonce: string;
  /** ms UTC. */
  now: number;
}

/** Somebody as the forge names him at sign-in. The id survives a rename, the login does not. */
export interface RemoteIdentity {
  remoteId: string;
  login: string;
  /** As people call him; the login where he gave no name. */
  name: string;
}

/**
 * The token that a sign-in gives is used for nothing but to learn who it is, and is dropped.
 * Throws ForgeTrouble `refused` where the forge does not take the code, `bad_answer` where what it says of the person is not to be
 * believed: another issuer or audience, a wrong signature or algorithm, another nonce, too old.
 */
export interface ForgeLogin {
  /** Where to send the browser. */
  authorizeUrl(forge: ForgeConnection, app: LoginApp, start: LoginStart): Promise<string>;
  exchange(forge: ForgeConnection, app: LoginApp, back: LoginReturn): Promise<RemoteIdentity>;
  /**
   * Registers our application; null where the forge has no way to do so. `password` signs in as that user instead of by the
   * connection's token. Throws ForgeTrouble `refused` with what is missing.
   */
  register:
    | ((
        forge: ForgeConnection,
        redirectUrl: string,
        as: { user: string; password: string } | null,
      ) => Promise<LoginApp>)
    | null;
}

export interface RemoteTeam {
  /** Survives a rename. */
  id: string;
  name: string;
}

export interface RemotePerson {
  /** What he is called now. */
  login: string;
  /** As far as the forge tells: false also means that it does not. */
  isSiteAdmin: boolean;
}

/** A person or an organization: whose name stands before a repository's. */
export interface RemoteOwner {
  /** Survives a rename. */
  id: string;
  /** What it is called now. */
  name: string;
}

/** Why a token learns nothing of an organization's people, and what to do on the forge. */
export interface BlindToken {
  detail: string;
  fix: string;
}

/**
 * Asked with the connection's own token, by the routes that tell the truth. False where the forge says no or does not show it (it
 * answers 404 to both); everything else that goes wrong is thrown as ForgeTrouble, so that silence is never taken for a yes or a no.
 */
export interface ForgePeople {
  /** null: there is nobody of that id and login any more, or he may not sign in. A login that somebody else took is nobody. */
  person(forge: ForgeConnection, who: Pick<RemoteIdentity, 'remoteId' | 'login'>): Promise<RemotePerson | null>;
  isOwner(forge: ForgeConnection, owner: string, login: string): Promise<boolean>;
  isRepositoryAdmin(forge: ForgeConnection, repository: Pick<RemoteRepository, 'id'>, login: string): Promise<boolean>;
  /** null: the owner has none (a person), or they are not shown. */
  teams(forge: ForgeConnection, owner: string): Promise<RemoteTeam[] | null>;
  isTeamMember(forge: ForgeConnection, owner: string, teamId: string, login: string): Promise<boolean>;
  /** Who has this name now; called something else where the forge leads on from an old name. null: nobody, or it is not shown. */
  owner(forge: ForgeConnection, name: string): Promise<RemoteOwner | null>;
  /** Who has this id; null where the forge cannot be asked so. */
  ownerById: ((forge: ForgeConnection, id: string) => Promise<RemoteOwner | null>) | null;
  /** Whose a repository is, whatever it is called. */
  ownerOfRepository(forge: ForgeConnection, repository: Pick<RemoteRepository, 'id'>): Promise<RemoteOwner | null>;
  /** Forges answer "not there" to a token without the right to ask for owners and teams. null: it may ask. */
  blindness(forge: ForgeConnection, owner: string): Promise<BlindToken | null>;
}
