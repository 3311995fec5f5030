import { versionFromFileName } from './asset-choice.ts';

export interface FoundEdition {
  /** As it stands in the file names, lower case: `core`, `pro`. */
  edition: string;
  /** A pattern that only the files of this edition match. */
  asset: string;
}

/**
 * The editions that the zip files of one release are: `pkg_x-1.2.0-core.zip` and `pkg_x-1.2.0-pro.zip` are `core` and `pro`. Only
 * files whose names differ in one word and the version count; empty where that is not so.
 */
export function editionsOf(fileNames: readonly string[]): FoundEdition[] {
  const files = fileNames.filter((name) => /\.zip$/i.test(name)).map(patternOf);
  const [first] = files;
  if (first === undefined || files.length < 2) return [];
  if (files.some(({ words }) => words.length !== first.words.length)) return [];
  const unlike = first.words.map((_, i) => i).filter((i) => new Set(files.map(({ words }) => words[i])).size > 1);
  const [at] = unlike;
  if (at === undefined || unlike.length > 1) return [];
  const editions = files.map(({ asset, words }) => ({ edition: (words[at] ?? '').toLowerCase(), asset }));
  const usable = editions.every(({ edition }) => /^[a-z][a-z0-9]{0,29}$/.test(edition));
  return usable && new Set(editions.map(({ edition }) => edition)).size === files.length ? editions : [];
}

function patternOf(name: string): { asset: string; words: string[] } {
  const version = versionFromFileName(name);
  const asset = version === null ? name : name.replace(version, '*');
  return { asset, words: asset.replace(/\.zip$/i, '').split(/[-_. ]+/) };
}
