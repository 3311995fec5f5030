import type {
  ArchiveView,
  Changelog,
  ClientWord,
  PackageFacts,
  Platform,
  ReleaseProblem,
  TargetRange,
} from '../releases/release.ts';

/** One version as a feed shows it to one asker. Everything in it has passed the gate already. */
export interface FeedRelease {
  version: string;
  channel: string;
  clientWord: ClientWord;
  /** False: the version is listed, its file is refused and its info link leads to renewal. */
  downloadable: boolean;
  security: boolean;
  /** When we saw it first, ms UTC. */
  firstSeenAt: number;
  /** Plain text or Markdown as the vendor wrote it. */
  notes: string;
  changelog: Changelog;
  target: TargetRange | null;
  phpMinimum: string | null;
  facts: PackageFacts;
  file: { name: string; size: number; sha256: string; sha384: string; sha512: string };
}

export interface FeedInput {
  product: { name: string; description: string; organization: string; websiteUrl: string | null };
  /** Newest first, at most 20 a channel. */
  releases: FeedRelease[];
  links: {
    download(release: FeedRelease): string;
    info(release: FeedRelease): string;
    changelog: string;
  };
}

/** One address of a product that a client polls, e.g. `updates.xml`. */
export interface FeedDocument {
  /** The last path segment. */
  fileName: string;
  kind: 'feed' | 'changelog';
  contentType: string;
  /** Pure and deterministic: same input, same bytes. */
  render(input: FeedInput): string;
  /** What a refused or unknown asker gets: a document that the client reads as "nothing for you". */
  empty: string;
}

/** What a release looks like to the rules that look for problems. */
export interface LintContext {
  facts: PackageFacts;
  files: ArchiveView['files'];
  fileName: string;
  tag: string;
  version: string;
  clientWord: ClientWord;
  /** null: neither the release nor the product names one. `declared`: by the release itself. */
  target: TargetRange | null;
  targetDeclared: boolean;
  mode: 'open' | 'listed' | 'strict';
  /** Every address at which we serve this product's feed, the current one first. */
  feedUrls: string[];
  /** The facts of the newest earlier release of the same product and platform that is listed. */
  earlier: PackageFacts | null;
}

/** How a file is brought into the shape that the client can install: drop `strip`, put the rest under `prefix`. */
export interface RepackPlan {
  /** Folder inside the archive, with a trailing slash, or empty. */
  strip: string;
  /** Folder to put it under, with a trailing slash, or empty. */
  prefix: string;
}

export type ReadResult = { ok: true; facts: PackageFacts } | { ok: false; problem: ReleaseProblem };

/** A feed format: how one kind of client learns of updates. Pure; one folder under `feeds/`, one line in its registry. */
export interface FeedFormat {
  platform: Platform;
  /** As people call it, e.g. `Joomla`. */
  title: string;
  documents: FeedDocument[];
  /** Reads what the package says of itself. `hint` chooses among several candidates (element or module name). */
  read(archive: ArchiveView, hint: string | null): Promise<ReadResult>;
  /** Everything about this release that the client would silently ignore or refuse. */
  lint(context: LintContext): ReleaseProblem[];
  /** null: the file can be installed as it is. */
  repack(facts: PackageFacts, files: ArchiveView['files']): RepackPlan | null;
  /** The file name that the client accepts on download, whatever the asset is called. */
  downloadName(facts: PackageFacts, version: string): string;
  /** Negative, zero or positive, exactly as the client orders versions. */
  compareVersions(a: string, b: string): number;
  /**
   * False: a client of this version (`22.0.4`, as it says itself) could not run the release and would not find out by itself, so
   * it is not told of it. Absent: the client looks at the requirements in the document.
   */
  fits?(release: Pick<FeedRelease, 'target' | 'facts'>, clientVersion: string): boolean;
}
