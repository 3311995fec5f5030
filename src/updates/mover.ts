import type { ArchiveView, PackageFacts, Platform } from '../releases/release.ts';

/** Where an extension is to ask from its next release on. */
export interface MoveWish {
  /** What the newest release says of itself: which extension is meant. */
  facts: PackageFacts;
  /** How people call the product. */
  name: string;
  /** Without a key. */
  feedUrl: string;
  /** null: none of ours. */
  changelogUrl: string | null;
  needsKey: boolean;
}

/** One file as it should be. Bytes that are not meant stay as they are: line ends, comments, encoding. */
export interface FileEdit {
  path: string;
  /** null: the file is new. */
  before: Uint8Array | null;
  after: Uint8Array;
  /** What was changed in it, each in a few words. */
  done: string[];
}

export interface MovePlan {
  edits: FileEdit[];
  /** What somebody has to do by hand, each in one or two sentences. */
  remarks: string[];
  /** Addresses that the extension named so far and names no more. */
  oldUrls: string[];
  /** The file that names the address; null: it was not found. */
  place: string | null;
}

/** How an extension of one kind is moved here: edits of its sources. Pure; one folder under `feeds/`, one line in its registry. */
export interface Mover {
  platform: Platform;
  /** The document whose address its extensions name. */
  document: string;
  /** Two releases that say this of themselves are the same extension, perhaps in two editions. */
  isSame(a: PackageFacts, b: PackageFacts): boolean;
  /** The addresses that a release asks, without what is computed into them. */
  asks(facts: PackageFacts): string[];
  /** Reads a branch and says what to change in it. */
  move(source: ArchiveView, wish: MoveWish): Promise<MovePlan>;
}
