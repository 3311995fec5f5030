import { problem } from '../errors.ts';
import { mergeRules, tagRulesSchema } from './tag-rules.ts';

/** The channels of an organization by name, its own ones first. `rules` is the JSON text that is stored. */
export function channelsOf(rules: string): string[] {
  return mergeRules(tagRulesSchema.parse(JSON.parse(rules)), null).channels.map(({ name }) => name);
}

/** Throws INVALID_REQUEST that points at each channel that the organization does not have: a mistyped one would match nothing. */
export function requireChannels(rules: string, channels: readonly string[], pointer: string): void {
  const known = channelsOf(rules);
  const errors = channels.flatMap((channel, i) =>
    known.includes(channel)
      ? []
      : [{ pointer: `${pointer}/${i}`, detail: `is no channel of the organization; it has ${known.join(', ')}` }],
  );
  if (errors.length > 0) throw problem('INVALID_REQUEST', 'a channel is not known', { errors });
}
