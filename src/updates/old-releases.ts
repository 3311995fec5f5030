import type { Platform, TargetRange } from '../releases/release.ts';

export const HASH_NAMES = ['sha256', 'sha384', 'sha512'] as const;
export type HashName = (typeof HASH_NAMES)[number];

/** One version as an old update document tells it, whatever number of entries it has there. */
export interface OldRelease {
  /** As it is written there. */
  version: string;
  element: string;
  /** The channel that it was meant for, in lower case; it may be none of ours. */
  word: string;
  target: TargetRange | null;
  phpMinimum: string | null;
  /** In lower case, without blanks. */
  hashes: Partial<Record<HashName, string>>;
  /** Addresses of the file, the one to try first at the front. */
  downloads: string[];
  /** Empty: none. */
  infoUrl: string;
  notes: string;
  /** What clients misread in its entries, one sentence each. */
  faults: string[];
  /** Not null: it cannot be told which file it is, and why. */
  unfit: { code: 'HASH_UNREADABLE' | 'FILE_AMBIGUOUS' | 'FILE_MISSING'; words: string } | null;
}

/** Newest first. */
export type OldDocument = { ok: true; releases: OldRelease[] } | { ok: false; detail: string };

/** Reads what another server, or nobody any more, serves to the clients of a platform. */
export interface OldDocumentReader {
  platform: Platform;
  /** Never throws; a document type and more than 2 MB are refused. */
  read(bytes: Uint8Array): OldDocument;
}
