import type { Tx } from '../db/dialect.ts';
import { fromRow, toRow } from '../db/rows.ts';

/** The pull request that moves a product here, as it was last brought up to date. */
export interface AdoptionRecord {
  productId: string;
  branch: string;
  number: number;
  url: string;
  feedUrl: string;
  files: string[];
  remarks: string[];
  /** Addresses that the extension named before. */
  oldUrls: string[];
  updatedAt: string;
  createdAt: string;
  createdBy: string;
}

const SHAPE = { json: ['files', 'remarks', 'oldUrls'] };

export async function findAdoption(tx: Tx, productId: string): Promise<AdoptionRecord | null> {
  const row = await tx('adoptions').where({ product_id: productId }).first();
  return row ? fromRow<AdoptionRecord>(row, SHAPE) : null;
}

export async function saveAdoption(tx: Tx, adoption: AdoptionRecord): Promise<void> {
  await tx('adoptions').insert(toRow(adoption, SHAPE)).onConflict('product_id').merge();
}
