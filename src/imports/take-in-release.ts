import type { Target } from '../forge/fetch-hop.ts';
import type { By } from '../licensing/keys.ts';
import { shapeFile } from '../releases/open-file.ts';
import type { Product } from '../releases/product.ts';
import type { ReconcileDeps } from '../releases/reconcile-product.ts';
import type { PackageFacts, Platform, ReleaseProblem } from '../releases/release.ts';
import { writeImport } from '../releases/write-import.ts';
import type { OldRelease } from '../updates/old-releases.ts';
import { type FetchedRelease, fetchRelease } from './fetch-release.ts';
import type { PlannedRelease, ReleaseReport } from './old-release.ts';

export interface TakeIn {
  product: Product;
  platform: Platform;
  old: OldRelease;
  plan: PlannedRelease & { ok: true };
  target: Target;
  /** Of the newest other release; null: there is none. */
  earlier: PackageFacts | null;
  by: By;
}

type Taken = Pick<ReleaseReport, 'outcome' | 'code' | 'words' | 'id'>;

/**
 * Fetches the file of an old version, reads it as a look at the forge reads a file, and stores both. What a client would refuse is
 * not stored: unlike on the forge, nobody could mend it there.
 */
export async function takeIn(deps: ReconcileDeps, wish: TakeIn): Promise<Taken> {
  const fetched = await fetchRelease(deps.ingest, wish.target, wish.old);
  return fetched.ok ? readAndWrite(deps, wish, fetched) : refused(fetched.code, fetched.words);
}

async function readAndWrite(
  deps: ReconcileDeps,
  wish: TakeIn,
  { path, digest, from, name }: FetchedRelease & { ok: true },
): Promise<Taken> {
  const { product, platform, plan, old, by } = wish;
  const { store, formats } = deps.ingest;
  const format = formats.find((each) => each.platform === platform);
  if (!format) throw new Error(`nothing here reads files for ${platform}`);
  const hint = product.settings.hints[platform] ?? null;
  const shaped = await shapeFile(
    deps.ingest,
    { format, hint, source: { kind: 'import', from, name } },
    { path, digest },
  );
  if (!shaped.ok) return refused('FILE_UNFIT', wordsOf([shaped.problem]));
  try {
    const fileName = name || format.downloadName(shaped.facts, plan.version);
    const problems = format.lint({
      ...{ facts: shaped.facts, files: shaped.files, fileName, tag: old.version, ...plan, mode: product.mode },
      target: old.target ?? product.settings.targets[platform] ?? null,
      targetDeclared: old.target !== null,
      feedUrls: await deps.feedUrls(product, platform),
      earlier: wish.earlier,
    });
    const errors = problems.filter(({ severity }) => severity === 'error');
    if (errors.length > 0) return refused('FILE_UNFIT', wordsOf(errors));
    await store.keep(shaped.path, shaped.digest.sha256);
    const { facts, repack } = shaped;
    const written = await writeImport(
      deps.db,
      {
        ...{ product, version: plan.version, channel: plan.channel, clientWord: plan.clientWord, problems },
        ...{ notes: old.notes, infoUrl: old.infoUrl, phpMinimum: old.phpMinimum },
        targets: old.target === null ? {} : { [platform]: old.target },
        artifact: {
          platform,
          fileName,
          ...shaped.digest,
          facts,
          source: { kind: 'import', from, name: fileName },
          repack,
        },
      },
      by,
    );
    if (written.state === 'known')
      return { outcome: 'unchanged', code: 'KNOWN', words: 'the forge has it now', id: written.id };
    return { outcome: 'created', code: 'NEW', words: `fetched from ${from}, in ${plan.channel}`, id: written.id };
  } finally {
    // What was kept is no longer there; all else must not pile up.
    await store.drop(shaped.path);
  }
}

function refused(code: string, words: string): Taken {
  return { outcome: 'refused', code, words, id: '' };
}

function wordsOf(problems: readonly ReleaseProblem[]): string {
  return problems.map(({ code, detail }) => `${code}: ${detail}`).join(' ');
}
