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

/** What a token is bound to; null: not bound in that respect. */
export interface Binding {
  organizationId: string | null;
  productId: string | null;
}

/** `foreign`: of another organization, whose things are not even there for it. `outside`: of its own one, but not of its product. */
export type Reach = 'within' | 'outside' | 'foreign';

export function reachOf({ organizationId, productId }: Binding, place: Place): Reach {
  if (organizationId !== null && organizationId !== place.organizationId) return 'foreign';
  if (productId === null) return 'within';
  const { productIds } = place;
  const isItsOwn = productIds !== null && productIds.length > 0 && productIds.every((id) => id === productId);
  return isItsOwn ? 'within' : 'outside';
}
