/**
 * Where a thing belongs, which decides who may touch it. A thing of several repositories (a license with packages of two) is
 * touched by whoever may touch all of them.
 */
export interface Place {
  organizationId: string;
  /** null: it belongs to the organization as a whole. */
  repositoryIds: readonly string[] | null;
  /** null: it may concern any product. */
  productIds: readonly string[] | null;
}

/** What a caller is bound to; null: not bound in that respect. */
export interface Binding {
  organizationId: string | null;
  /** Of a person who acts as administrator of these and has no such role in their organization. */
  repositoryIds: readonly string[] | null;
  productId: string | null;
}

/** `foreign`: of another organization, whose things are not even there for it. `outside`: of its own one, but out of its reach. */
export type Reach = 'within' | 'outside' | 'foreign';

export function reachOf({ organizationId, repositoryIds, productId }: Binding, place: Place): Reach {
  if (organizationId !== null && organizationId !== place.organizationId) return 'foreign';
  const isItsOwn =
    areAllIn(place.repositoryIds, repositoryIds) && areAllIn(place.productIds, productId === null ? null : [productId]);
  return isItsOwn ? 'within' : 'outside';
}

/** `reach` null: anything. What belongs to nothing in particular is out of every narrower reach. */
function areAllIn(ids: readonly string[] | null, reach: readonly string[] | null): boolean {
  if (reach === null) return true;
  return ids !== null && ids.length > 0 && ids.every((id) => reach.includes(id));
}
