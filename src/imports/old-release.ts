import type { ClientWord, Platform, TargetRange } from '../releases/release.ts';
import type { ArtifactRecord, ReleaseRecord } from '../releases/store-releases.ts';
import { DEFAULT_TAG_RULES, interpretTag, type TagRules } from '../releases/tag-rules.ts';
import { rangeWords } from '../releases/target-range.ts';
import { HASH_NAMES, type OldRelease } from '../updates/old-releases.ts';

/** What became of one version of an old document. */
export interface ReleaseReport {
  version: string;
  outcome: 'created' | 'unchanged' | 'refused';
  code: string;
  words: string;
  /** What clients misread in its entries. */
  faults: readonly string[];
  /** Of the release; empty: there is none. */
  id: string;
}

/** A version with its channel here, or why it can have none. */
export type PlannedRelease =
  | { ok: true; version: string; channel: string; clientWord: ClientWord }
  | { ok: false; code: 'VERSION_UNFIT' | 'CHANNEL_UNKNOWN'; words: string };

/** How an old entry is called here: the version as tags are read, the channel by its word. */
export function planned({ version, word }: OldRelease, rules: Pick<TagRules, 'channels'>): PlannedRelease {
  const reading = interpretTag(version.trim(), DEFAULT_TAG_RULES, { repository: '', prerelease: false });
  if (reading.kind !== 'release') {
    const reason = reading.kind === 'stream' ? 'it names no version' : reading.reason;
    return { ok: false, code: 'VERSION_UNFIT', words: `"${version.slice(0, 60)}" is no version: ${reason}` };
  }
  const channel = rules.channels.find(({ name }) => name === word);
  if (channel) return { ok: true, version: reading.version, channel: channel.name, clientWord: channel.word };
  const words = `there is no channel "${word.slice(0, 60)}" here; Joomla took the word for stable`;
  return { ok: false, code: 'CHANNEL_UNKNOWN', words };
}

/** One line a word that the organization has no channel for; none is made by itself. */
export function proposals(organization: string, words: readonly string[]): string[] {
  return [...new Set(words)]
    .filter((word) => /^[a-z][a-z0-9-]{0,30}$/.test(word))
    .map((word) => `feedgate rules set ${organization} --channel ${word}:stable:*-${word}`);
}

/** A release that is here already; without a file on the platform its artifact is null. */
export interface KnownRelease {
  release: ReleaseRecord;
  artifact: ArtifactRecord | null;
  platform: Platform;
}

/** What the document says otherwise than what is here; what it does not say does not differ. Nothing is changed for it. */
export function compare(
  old: OldRelease,
  channel: string,
  { release, artifact, platform }: KnownRelease,
  assumed: TargetRange | null,
): { code: 'KNOWN' | 'DIFFERS'; words: string } {
  const target = release.targets[platform] ?? assumed;
  const ofFile = artifact?.facts.platform === 'joomla' ? artifact.facts.phpMinimum : null;
  const told: (readonly [name: string, there: string | null, here: string | null])[] = [
    ['channel', channel, release.channel],
    ...HASH_NAMES.map((name) => [name, old.hashes[name] ?? null, artifact?.[name] ?? null] as const),
    ['targets', old.target && rangeWords(old.target), target && rangeWords(target)],
    ['php_minimum', old.phpMinimum, release.phpMinimum ?? ofFile],
  ];
  const differing = told.flatMap(([name, there, here]) =>
    there === null || there === here ? [] : [`${name}: ${here ?? 'nothing'} here, ${there} there`],
  );
  const state = release.yankedAt === null ? release.state : 'yanked';
  const known = state === 'listed' ? 'it is here' : `it is here and ${state}`;
  return { code: differing.length === 0 ? 'KNOWN' : 'DIFFERS', words: [known, ...differing].join('; ') };
}
