import type { Callers } from '../http/actor.ts';
import type { Standings } from './people-roles.ts';
import { placeOf } from './places.ts';
import { findPerson, type SessionDeps } from './sessions.ts';
import { findToken } from './tokens.ts';

/** Who may call the API, and what is whose. */
export function makeCallers(deps: SessionDeps & { standings: Standings }): Callers {
  return {
    findToken: (text, now) => findToken(deps, text, now),
    findPerson: (facts, now) => findPerson(deps, facts, now),
    placeOf: (params) => placeOf(deps.db, params),
    standingOf: (person, place, wanted, now) => deps.standings.of(person, place, wanted, now),
  };
}
