import { z } from 'zod';
import { productPath } from '../releases/product.ts';
import type { Adoption } from './adoption.ts';
import { unifiedDiff } from './diff.ts';
import type { Moving } from './moving-steps.ts';
import type { BridgeRecord } from './store-moving.ts';

export const AdoptionView = z
  .object({
    product_id: z.string(),
    product: z.string().meta({ description: '`org/repo` or `org/repo/edition`' }),
    state: z.enum(['planned', 'opened', 'updated', 'unchanged', 'nothing', 'by_hand', 'impossible', 'failed']).meta({
      description:
        '`planned`: a dry run; `opened`, `updated`, `unchanged`: the pull request; `nothing`: the branch is as it should be; `by_hand`: the forge takes no pull requests; `impossible`, `failed`: see the remarks',
    }),
    feed_url: z.string().meta({ description: 'What the extension asks afterwards' }),
    pull_request: z.object({ number: z.number().int(), url: z.string(), branch: z.string() }).nullable(),
    files: z.array(
      z.object({
        path: z.string(),
        change: z.enum(['added', 'changed']),
        done: z.array(z.string()).meta({ description: 'What was changed, in words' }),
        diff: z.string().meta({ description: 'Unified' }),
      }),
    ),
    remarks: z.array(z.string()).meta({ description: 'What could not be done and is for a person' }),
  })
  .meta({ id: 'Adoption' });

export function adoptionView({
  product,
  state,
  feedUrl,
  pullRequest,
  edits,
  remarks,
}: Adoption): z.input<typeof AdoptionView> {
  return {
    product_id: product.id,
    product: productPath(product),
    state,
    feed_url: feedUrl,
    pull_request: pullRequest,
    files: edits.map(({ path, before, after, done }) => ({
      path,
      change: before === null ? 'added' : 'changed',
      done,
      diff: unifiedDiff(path, before && textOf(before), textOf(after)),
    })),
    remarks,
  };
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

export const BridgeView = z
  .object({
    branch: z.string(),
    path: z.string(),
    document: z.string(),
    checked_at: z.iso.datetime().nullable().meta({ description: 'When it was last compared with the feed' }),
    written_at: z.iso.datetime().nullable(),
    error: z.string().nullable(),
  })
  .meta({ id: 'Bridge' });

export function bridgeView(bridge: BridgeRecord): z.input<typeof BridgeView> {
  const { branch, path, document, checkedAt, writtenAt, error } = bridge;
  return { branch, path, document, checked_at: checkedAt, written_at: writtenAt, error };
}

export const MovingView = z
  .object({
    product_id: z.string(),
    steps: z
      .array(
        z.object({
          step: z.enum(['keep_old_addresses', 'adopt', 'release', 'watch_old_addresses', 'make_private']),
          state: z.enum(['done', 'open', 'not_needed', 'too_early']),
          detail: z.string(),
        }),
      )
      .meta({ description: 'In the order that loses no site' }),
    addresses: z.array(
      z.object({
        url: z.string(),
        kept: z.enum(['alias', 'bridge', 'open']),
        polls: z.number().int().meta({ description: 'Of the last 14 days, as far as they came here' }),
        last_at: z.iso.datetime().nullable(),
      }),
    ),
    current_polls: z.number().int(),
    bridge: BridgeView.nullable(),
    pull_request: z.object({ number: z.number().int(), url: z.string(), branch: z.string() }).nullable(),
  })
  .meta({ id: 'Moving' });

export function movingView(productId: string, moving: Moving): z.input<typeof MovingView> {
  const { steps, addresses, currentPolls, bridge, adoption } = moving;
  return {
    product_id: productId,
    steps,
    addresses: addresses.map(({ lastAt, ...address }) => ({ ...address, last_at: lastAt })),
    current_polls: currentPolls,
    bridge: bridge && bridgeView(bridge),
    pull_request: adoption && { number: adoption.number, url: adoption.url, branch: adoption.branch },
  };
}
