import type { ArchiveView, Platform } from '../releases/release.ts';

/** A feed that stands somewhere now, as its bytes. */
export interface OldFeed {
  /** Where it was found: a path, or an address without its query. */
  from: string;
  bytes: Uint8Array;
}

/** What a client of one version is offered before and after. */
export interface SurveyRow {
  /** `Joomla 5.4` */
  client: string;
  /** null: nothing. */
  before: string | null;
  /** Why, in a sentence of the model client. */
  words: string;
  after: string | null;
}

/** One extension as its old feeds and its sources tell it. */
export interface SurveyedProduct {
  platform: Platform;
  /** As people would call it: `plugin mokowaas`. */
  title: string;
  /** Feeds and manifests that it was told from. */
  from: string[];
  rows: SurveyRow[];
  /** What is wrong with what stands there now. */
  faults: string[];
  /** What has to be decided or done by hand. */
  remarks: string[];
  /** Not null: sites cannot be told by any feed, and why. */
  unreachable: string | null;
}

/** How one kind of client and its extensions are judged before they move. */
export interface Surveyor {
  platform: Platform;
  /** Old feeds and the sources of one repository (null: only feeds are known). */
  survey(feeds: readonly OldFeed[], source: { name: string; view: ArchiveView } | null): Promise<SurveyedProduct[]>;
}
