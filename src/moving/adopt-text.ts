import type { MovePlan } from '../updates/mover.ts';

export interface Proposal {
  product: string;
  feedUrl: string;
  /** False: back to another server. */
  isOurs: boolean;
  plans: readonly MovePlan[];
  workflows: readonly { path: string; removed: readonly string[]; unsure: readonly string[] }[];
}

/** What could not be done, over everything that was looked at. */
export function remarksOf({ plans, workflows }: Proposal): string[] {
  return [
    ...plans.flatMap(({ remarks }) => remarks),
    ...workflows.flatMap(({ path, unsure }) =>
      unsure.map((what) => `${path}: ${what}; look whether it still has to write the feed.`),
    ),
  ];
}

export function titleOf({ product, isOurs }: Proposal): string {
  return isOurs ? `Get updates of ${product} from Feedgate` : `Get updates of ${product} from another server`;
}

/** For whoever reads the pull request. The same plan gives the same text. */
export function bodyOf(proposal: Proposal): string {
  const { plans, workflows, feedUrl, isOurs } = proposal;
  const edits = plans.flatMap((plan) => plan.edits);
  const oldUrls = [...new Set(plans.flatMap((plan) => plan.oldUrls))];
  const done = [
    ...edits.map(({ path, done: what }) => `- \`${path}\`: ${what.join('; ')}`),
    ...workflows
      .filter(({ removed }) => removed.length > 0)
      .map(({ path, removed }) => `- \`${path}\`: without ${removed.join(', ')}, which wrote the feed`),
  ];
  const remarks = remarksOf(proposal);
  const order = isOurs
    ? [
        '1. Sites that have an older version go on asking the old address. See that it leads to the new feed, or that a bridge file stands there (`feedgate routes`, `feedgate bridge set`).',
        '2. Merge this, tag and release. From that release on a site asks the new address, with the key that it has.',
        '3. Only then make the repository private.',
      ]
    : ['Merge this, tag and release. From that release on a site asks the other server, with the key that it has.'];
  return [
    `From the next release on sites ask ${feedUrl} for updates.`,
    '',
    '**What changes**',
    '',
    ...done,
    ...(oldUrls.length > 0 ? ['', '**No longer named**', '', ...oldUrls.map((url) => `- ${url}`)] : []),
    ...(remarks.length > 0 ? ['', '**By hand**', '', ...remarks.map((remark) => `- ${remark}`)] : []),
    '',
    '**In this order**',
    '',
    ...order,
    '',
    'Made by Feedgate; asking again brings this pull request up to date.',
    '',
  ].join('\n');
}
