import { oursPattern } from '../../feeds/joomla/move/script-snippet.ts';

/** A row of `#__update_sites` with the extensions that it is linked to. */
export interface UpdateSiteRow {
  id: number;
  location: string;
  extraQuery: string;
  extensions: number[];
}

/**
 * What the generated install script does to a site's rows, played: the same steps as `moveMethod` writes in PHP (which
 * `moving-in.test.ts` runs for real where there is a PHP).
 */
export function playMoveMethod(rows: readonly UpdateSiteRow[], extension: number, to: string): UpdateSiteRow[] {
  const [, pattern = ''] = /^~(.*)~i$/.exec(oursPattern(to)) ?? [];
  const ours = new RegExp(pattern, 'i');
  const own = rows.filter((row) => row.extensions.includes(extension));
  let key = '';
  let target: number | null = null;
  const old = new Map<number, boolean>();
  for (const row of own) {
    const isOurs = ours.test(row.location.trim());
    const extra = keyOf(row.extraQuery);
    if (extra !== '' && (key === '' || (isOurs && target === null))) key = extra;
    if (isOurs) target ??= row.id;
    else
      old.set(
        row.id,
        row.extensions.some((each) => each !== extension),
      );
  }
  if (old.size === 0) return [...rows];
  let result = rows.map((row) => ({ ...row, extensions: [...row.extensions] }));
  const other = target === null ? rows.find(({ location }) => location === to) : undefined;
  target ??= other?.id ?? null;
  if (target === null) {
    target = [...old].find(([, isShared]) => !isShared)?.[0] ?? null;
    if (target === null)
      result.push({ id: Math.max(...rows.map(({ id }) => id)) + 1, location: to, extraQuery: key, extensions: [] });
    else result = result.map((row) => (row.id === target ? { ...row, location: to } : row));
  }
  if (key !== '' && (other?.extraQuery ?? '') === '')
    result = result.map((row) => (row.id === target ? { ...row, extraQuery: key } : row));
  for (const [id, isShared] of old) {
    if (id === target) continue;
    result = isShared
      ? result.map((row) =>
          row.id === id ? { ...row, extensions: row.extensions.filter((each) => each !== extension) } : row,
        )
      : result.filter((row) => row.id !== id);
  }
  return result;
}

function keyOf(extraQuery: string): string {
  const extra = extraQuery.trim().replaceAll('&amp;', '&');
  const found = /(?:^|[?&])(?:dlid|key|license_key)=([^&]+)/.exec(extra)?.[1];
  return found === undefined ? extra : `dlid=${found}`;
}

/**
 * What Joomla itself does after the script: `plgExtensionJoomla::addUpdateSite` for each server of the manifest. A row with the
 * address is linked, else a new one is made, without a key.
 */
export function playAddUpdateSites(
  rows: readonly UpdateSiteRow[],
  extension: number,
  servers: readonly string[],
): UpdateSiteRow[] {
  let result = rows.map((row) => ({ ...row, extensions: [...row.extensions] }));
  for (const location of servers) {
    const known = result.find((row) => row.location === location);
    if (known === undefined) {
      const id = Math.max(0, ...result.map((row) => row.id)) + 1;
      result = [...result, { id, location, extraQuery: '', extensions: [extension] }];
    } else if (!known.extensions.includes(extension)) known.extensions.push(extension);
  }
  return result;
}
