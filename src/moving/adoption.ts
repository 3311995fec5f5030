import type { Product } from '../releases/product.ts';
import type { FileEdit } from '../updates/mover.ts';

export interface AdoptWish {
  dryRun: boolean;
  /** Another server's feed: the way back. null: ours. */
  feedUrl: string | null;
}

/**
 * `by_hand`: the forge takes no pull request, the edits are for a person. `nothing`: the branch is as it should be already.
 * `impossible`: why stands in the remarks. `failed`: the forge did not do its part.
 */
type AdoptState = 'planned' | 'opened' | 'updated' | 'unchanged' | 'nothing' | 'by_hand' | 'impossible' | 'failed';

export interface Adoption {
  product: Product;
  state: AdoptState;
  feedUrl: string;
  pullRequest: { number: number; url: string; branch: string } | null;
  edits: FileEdit[];
  remarks: string[];
}
