import { z } from 'zod';
import { CLIENT_WORDS, PLATFORMS, RELEASE_PROBLEM_CODES } from './release.ts';
import type { ArtifactRecord, ProblemRecord, ReleaseRecord } from './store-releases.ts';

const instant = z.iso.datetime();

export const ProblemView = z
  .object({
    id: z.string(),
    release_id: z.string().nullable(),
    tag: z.string().meta({ description: 'Empty: the product as a whole' }),
    platform: z.enum(PLATFORMS).nullable(),
    code: z.enum(RELEASE_PROBLEM_CODES),
    severity: z.enum(['error', 'warning']).meta({ description: 'An error keeps the release out of every feed' }),
    detail: z.string(),
    fix: z.string(),
    created_at: instant,
  })
  .meta({ id: 'ReleaseProblem' });

export function problemView(found: ProblemRecord): z.input<typeof ProblemView> {
  return {
    id: found.id,
    release_id: found.releaseId,
    tag: found.tag,
    platform: found.platform,
    code: found.code,
    severity: found.severity,
    detail: found.detail,
    fix: found.fix,
    created_at: found.createdAt,
  };
}

export const ReleaseView = z
  .object({
    id: z.string(),
    product_id: z.string(),
    version: z.string(),
    tag: z
      .string()
      .meta({ description: 'Of the forge; `import:VERSION` where the release was imported and is not there' }),
    channel: z.string(),
    client_word: z.enum(CLIENT_WORDS).meta({ description: 'The word that clients are told' }),
    state: z.enum(['listed', 'withheld', 'withdrawn', 'yanked']).meta({
      description: 'withheld: an error keeps it out; withdrawn: gone from the forge; yanked: taken out by hand',
    }),
    security: z.boolean(),
    web_url: z.string(),
    first_seen_at: instant,
    updated_at: instant,
    withdrawn_at: instant.nullable(),
    yanked_at: instant.nullable(),
    yank_reason: z.string().nullable(),
    artifacts: z.array(
      z.object({
        id: z.string(),
        platform: z.enum(PLATFORMS),
        file_name: z.string(),
        size: z.number().int(),
        sha256: z.string(),
        sha512: z.string(),
        repacked: z.boolean(),
        listed: z.boolean(),
      }),
    ),
    problems: z.array(ProblemView),
  })
  .meta({ id: 'Release' });

/** A release with its files in force and what is wrong with it. */
export interface WholeRelease {
  id: string;
  release: ReleaseRecord;
  artifacts: readonly ArtifactRecord[];
  problems: readonly ProblemRecord[];
}

export function releaseView({ release, artifacts, problems }: WholeRelease): z.input<typeof ReleaseView> {
  return {
    id: release.id,
    product_id: release.productId,
    version: release.version,
    tag: release.tag,
    channel: release.channel,
    client_word: release.clientWord,
    state: release.yankedAt === null ? release.state : 'yanked',
    security: release.security,
    web_url: release.webUrl,
    first_seen_at: release.firstSeenAt,
    updated_at: release.updatedAt,
    withdrawn_at: release.withdrawnAt,
    yanked_at: release.yankedAt,
    yank_reason: release.yankReason,
    artifacts: artifacts.map((artifact) => ({
      id: artifact.id,
      platform: artifact.platform,
      file_name: artifact.fileName,
      size: artifact.size,
      sha256: artifact.sha256,
      sha512: artifact.sha512,
      repacked: artifact.repack !== null,
      listed: artifact.listed,
    })),
    problems: problems.map(problemView),
  };
}
