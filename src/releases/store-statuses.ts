import type { Tx } from '../db/dialect.ts';

/** What the forge was last told of each commit of a repository, by commit. */
export async function sentStatuses(tx: Tx, repositoryId: string): Promise<Map<string, string>> {
  const rows = await tx('commit_statuses').where({ repository_id: repositoryId }).select('commit_id', 'sent');
  return new Map(rows.map(({ commit_id, sent }) => [commit_id as string, sent as string]));
}

export async function rememberStatus(
  tx: Tx,
  status: { repositoryId: string; commit: string; sent: string },
  now: string,
): Promise<void> {
  const row = { repository_id: status.repositoryId, commit_id: status.commit, sent: status.sent, set_at: now };
  await tx('commit_statuses').insert(row).onConflict(['repository_id', 'commit_id']).merge();
}
