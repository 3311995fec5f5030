import { z } from 'zod';
import { globSchema, matchesGlob } from './asset-choice.ts';
import { CLIENT_WORDS, type ClientWord, type ReleaseProblemCode } from './release.ts';
import { comparePhpVersions } from './version-order.ts';

/** A channel and the tags that belong to it. A tag matched by a glob belongs to the channel even where its own words say nothing. */
interface ChannelRule {
  name: string;
  /** What clients are told the channel is. */
  word: ClientWord;
  tags: readonly string[];
}

/** Complete rules: the five default channels are among the channels, own ones before them. */
export interface TagRules {
  channels: readonly ChannelRule[];
  /** Dropped from the front of a tag, upper and lower case alike; `{repository}` stands for the name of the repository. */
  prefixes: readonly string[];
  /** Globs of tags that are no releases. */
  ignore: readonly string[];
  /** Channel of a version without a suffix that the forge marks as a prerelease. */
  prerelease: string;
}

export interface TagContext {
  repository: string;
  /** The forge's own mark. */
  prerelease: boolean;
  /** The version in the file's name or manifest; turns a stream into a release. */
  assetVersion?: string | null;
}

export type TagReading =
  | { kind: 'release'; version: string; channel: string; clientWord: ClientWord }
  /** A tag that moves (`stable`, `development`): its version stands in the file. */
  | { kind: 'stream'; channel: string; clientWord: ClientWord }
  | { kind: 'ignored'; reason: string }
  | { kind: 'unreadable'; code: Extract<ReleaseProblemCode, 'TAG_WITHOUT_VERSION' | 'VERSION_UNFIT'>; reason: string };

const DEFAULT_CHANNELS: readonly ChannelRule[] = CLIENT_WORDS.map((word) => ({ name: word, word, tags: [] })).reverse();
const DEFAULT_PREFIXES = ['v', 'release-', 'release/', '{repository}-'];

const channelName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,30}$/, 'a channel is named in lower-case letters, digits and dashes');
const globs = z.array(globSchema).max(50);

/** What an organization may set. A default channel may be given tags, but not another client word. */
export const tagRulesSchema = z
  .strictObject({
    channels: z
      .array(z.strictObject({ name: channelName, word: z.enum(CLIENT_WORDS), tags: globs.default([]) }))
      .max(30)
      .default([]),
    prefixes: globs.default(DEFAULT_PREFIXES),
    ignore: globs.default([]),
    prerelease: channelName.default('rc'),
  })
  .superRefine((rules, context) => {
    const names = rules.channels.map(({ name }) => name);
    rules.channels.forEach(({ name, word }, i) => {
      if (names.indexOf(name) !== i) fault(context, ['channels', i, 'name'], `the channel "${name}" is named twice`);
      const own = DEFAULT_CHANNELS.find((channel) => channel.name === name)?.word ?? word;
      if (own !== word) fault(context, ['channels', i, 'word'], `the channel "${name}" is always shown as "${own}"`);
    });
    if (![...names, ...CLIENT_WORDS].includes(rules.prerelease))
      fault(context, ['prerelease'], `there is no channel "${rules.prerelease}"`);
  });
export type OrganizationTagRules = z.infer<typeof tagRulesSchema>;

/** What a repository may add: tags for channels of its organization, more prefixes and ignored tags, its own prerelease channel. */
export const repositoryTagRulesSchema = z.strictObject({
  tags: z.record(channelName, globs).default({}),
  prefixes: globs.default([]),
  ignore: globs.default([]),
  prerelease: channelName.nullable().default(null),
});
export type RepositoryTagRules = z.infer<typeof repositoryTagRulesSchema>;

/**
 * One set of rules: what the repository says comes first, what the organization says stays in force behind it. Channels belong to
 * the organization, so a channel that a repository names and the organization no longer has is left out.
 */
export function mergeRules(organization: OrganizationTagRules, repository: RepositoryTagRules | null): TagRules {
  const named = new Set(organization.channels.map(({ name }) => name));
  const all = [...organization.channels, ...DEFAULT_CHANNELS.filter(({ name }) => !named.has(name))];
  const own = new Map(Object.entries(repository?.tags ?? {}));
  return {
    channels: all.map((rule) => ({ ...rule, tags: [...(own.get(rule.name) ?? []), ...rule.tags] })),
    prefixes: [...(repository?.prefixes ?? []), ...organization.prefixes],
    ignore: [...(repository?.ignore ?? []), ...organization.ignore],
    prerelease: all.find(({ name }) => name === repository?.prerelease)?.name ?? organization.prerelease,
  };
}

export const DEFAULT_TAG_RULES: TagRules = mergeRules(tagRulesSchema.parse({}), null);

/** What tags and versions call the default channels. */
export const CHANNEL_WORDS = wordsOf({
  stable: 'stable',
  rc: 'rc release-candidate',
  beta: 'beta',
  alpha: 'alpha',
  dev: 'dev devel develop development nightly snapshot',
});
const SUFFIX_WORDS = new Map([...CHANNEL_WORDS, ...wordsOf({ rc: 'pre preview prerelease', beta: 'b', alpha: 'a' })]);
/** Words of a version that is meant to follow the bare number, not to come before it. Clients know only pl, p and patch. */
const LATER_WORDS = new Set(
  'pl p patch stable final ga release rel lts security sec hotfix fix bugfix update sp rev r post build x'.split(' '),
);
const LENGTH_LIMIT = 255;

/** The channels that a tag, its suffix and a glob speak for. */
type Said = readonly (ChannelRule | null)[];
type Stripped = { rest: string; channel: ChannelRule | null; stream: boolean };

/**
 * From a tag to a version and its channel. The version is emitted as its vendor wrote it (zero-padded, four parts, dates), without prefixes and build metadata, in lower
 * case, and only if the clients order it as it is meant: `1.0.0-pre1` sorts above 1.0.0 and `1.0.0-security.1` below it, so both
 * are VERSION_UNFIT. A suffix that nobody knows belongs to dev, where it can do least harm.
 *
 * Where the tag, its suffix and a channel's glob disagree, the least stable word wins: nothing may reach a more careful site than
 * its vendor meant. The forge's prerelease mark speaks only where all else says stable.
 */
export function interpretTag(tag: string, rules: TagRules, context: TagContext): TagReading {
  const ignoring = rules.ignore.find((pattern) => matchesGlob(pattern, tag));
  if (ignoring !== undefined) return { kind: 'ignored', reason: `the tag matches the ignored pattern "${ignoring}"` };
  if (tag.length > LENGTH_LIMIT) return withoutVersion(`the tag is longer than ${LENGTH_LIMIT} characters`);
  const { channel: matched, rest } = matchedChannel(tag, rules);
  const names = [strip(tag, rules, context.repository), strip(rest, rules, context.repository)];
  const versions = names
    .filter((name) => /^\d/.test(name.rest))
    .map((name) => readVersion(name.rest, [matched, name.channel], rules, context));
  if (versions[0]) return versions.find(({ kind }) => kind === 'release') ?? versions[0];
  const stream = names.find((name) => name.stream);
  if (!matched && !stream) return withoutVersion(`the tag "${tag}" names no version`);
  const said = [matched, stream?.channel ?? null];
  if (context.assetVersion) return readVersion(context.assetVersion.replace(/^v(?=\d)/i, ''), said, rules, context);
  const channel = leastStable(said, rules, context);
  return { kind: 'stream', channel: channel.name, clientWord: channel.word };
}

function readVersion(text: string, said: Said, rules: TagRules, context: TagContext): TagReading {
  const [version = ''] = text.slice(0, LENGTH_LIMIT).toLowerCase().split('+');
  const fault = formFault(version) ?? orderFault(version);
  if (fault !== null) return { kind: 'unreadable', code: 'VERSION_UNFIT', reason: fault };
  const channel = leastStable([...said, suffixChannel(version, rules)], rules, context);
  return { kind: 'release', version, channel: channel.name, clientWord: channel.word };
}

/** The first channel whose glob matches, and the tag without the ends that the glob spells out (`*-lts`), digits kept. */
function matchedChannel(tag: string, rules: TagRules): { channel: ChannelRule | null; rest: string } {
  for (const channel of rules.channels) {
    const own = DEFAULT_CHANNELS.every(({ name }) => name !== channel.name);
    const pattern = [...channel.tags, ...(own ? [`*-${channel.name}`] : [])].find((each) => matchesGlob(each, tag));
    if (pattern !== undefined) return { channel, rest: withoutEnds(tag, pattern) };
  }
  return { channel: null, rest: tag };
}

function withoutEnds(tag: string, pattern: string): string {
  const head = /^[^*?]*/.exec(pattern)?.[0] ?? '';
  const tail = /[^*?]*$/.exec(pattern)?.[0] ?? '';
  if (head.length + tail.length >= tag.length) return tag;
  return tag.slice(/\d/.test(head) ? 0 : head.length, /\d/.test(tail) ? undefined : tag.length - tail.length);
}

/** Takes prefixes and channel words off the front until a digit or a whole channel word (`stream`) is left. */
function strip(tag: string, rules: TagRules, repository: string): Stripped {
  const prefixes = rules.prefixes.map((prefix) => prefix.replaceAll('{repository}', repository).toLowerCase());
  let rest = tag;
  let channel: ChannelRule | null = null;
  for (;;) {
    if (/^\d/.test(rest)) return { rest, channel, stream: false };
    const whole = channelOfWord(rest.toLowerCase(), CHANNEL_WORDS, rules);
    if (whole !== null) return { rest, channel: whole, stream: true };
    const word = longest(rest, frontWords(rules));
    const prefix = word === '' ? longest(rest, prefixes) : word;
    if (prefix === '') return { rest, channel, stream: false };
    if (word !== '') channel = channelOfWord(word.slice(0, -1), CHANNEL_WORDS, rules);
    rest = rest.slice(prefix.length);
  }
}

function frontWords(rules: TagRules): string[] {
  const words = [...CHANNEL_WORDS.keys(), ...rules.channels.map(({ name }) => name)];
  return words.flatMap((word) => [`${word}/`, `${word}-`, `${word}_`, `${word}.`]);
}

function longest(text: string, starts: readonly string[]): string {
  const fit = starts.filter((start) => start.length < text.length && text.toLowerCase().startsWith(start));
  return fit.reduce((best, start) => (start.length > best.length ? start : best), '');
}

function channelOfWord(word: string, words: ReadonlyMap<string, ClientWord>, rules: TagRules): ChannelRule | null {
  const name = rules.channels.some((channel) => channel.name === word) ? word : words.get(word);
  return rules.channels.find((channel) => channel.name === name) ?? null;
}

/** The first word of a version, lower case; empty for numbers only. */
function suffixWord(version: string): string {
  return /[a-z]+/.exec(version)?.[0] ?? '';
}

function suffixChannel(version: string, rules: TagRules): ChannelRule | null {
  const word = suffixWord(version);
  if (word === '' || LATER_WORDS.has(word)) return null;
  return channelOfWord(word, SUFFIX_WORDS, rules) ?? channelOfWord('dev', SUFFIX_WORDS, rules);
}

function leastStable(said: Said, rules: TagRules, context: TagContext): ChannelRule {
  const rank = ({ word }: ChannelRule) => CLIENT_WORDS.indexOf(word);
  const heard = said.filter((channel) => channel !== null);
  const [first = channelNamed('stable', rules)] = heard;
  const least = heard.reduce((best, channel) => (rank(channel) < rank(best) ? channel : best), first);
  return least.word === 'stable' && context.prerelease ? channelNamed(rules.prerelease, rules) : least;
}

function channelNamed(name: string, rules: TagRules): ChannelRule {
  return rules.channels.find((channel) => channel.name === name) ?? { name: 'dev', word: 'dev', tags: [] };
}

function formFault(version: string): string | null {
  if (version.length > 64 || /\d{19}/.test(version)) return 'the version is too long';
  if (/^\d[0-9a-z._-]*$/.test(version) && !/[._-](?:[._-]|$)/.test(version)) return null;
  return `"${version}" is no version: digits first, then letters and digits with single dots or dashes`;
}

/** null if Joomla and Dolibarr see the version on that side of its bare number on which its word means it to be. */
function orderFault(version: string): string | null {
  const word = suffixWord(version);
  if (word === '') return null;
  const bare = /^\d+(?:[._-]\d+)*/.exec(version)?.[0] ?? version;
  const meant = LATER_WORDS.has(word) ? 1 : -1;
  if (comparePhpVersions(version, bare) === meant) return null;
  const [seen, lost] = meant === 1 ? ['below', version] : ['above', bare];
  return `clients see ${version} ${seen} ${bare}, for they do not know "${word}": sites would never be offered ${lost}`;
}

function withoutVersion(reason: string): TagReading {
  return { kind: 'unreadable', code: 'TAG_WITHOUT_VERSION', reason };
}

function wordsOf(words: Partial<Record<ClientWord, string>>): Map<string, ClientWord> {
  return new Map(CLIENT_WORDS.flatMap((channel) => words[channel]?.split(' ').map((word) => [word, channel]) ?? []));
}

function fault(context: z.core.$RefinementCtx, path: (string | number)[], message: string): void {
  context.addIssue({ code: 'custom', path, message });
}
