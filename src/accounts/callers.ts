import type { Callers } from '../http/actor.ts';
import { placeOf } from './places.ts';
import { findToken, type TokenDeps } from './tokens.ts';

/** Who may call the API, and what is whose. */
export function makeCallers(deps: TokenDeps): Callers {
  return {
    findToken: (text, now) => findToken(deps, text, now),
    findPerson: async () => ({ kind: 'none' }),
    placeOf: (params) => placeOf(deps.db, params),
    standingOf: async () => ({ role: null, organizations: [] }),
  };
}
