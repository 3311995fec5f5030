import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const repository = resolve(import.meta.dirname, '../..');

export interface ThirdParty {
  name: string;
  /** As its package says it, e.g. `MIT`; `unknown` where it says nothing. */
  licence: string;
  /** The lines of its licence file that begin with "Copyright"; of its author where the file names nobody. */
  copyright: string[];
}

interface LockEntry {
  license?: string;
  dev?: boolean;
  devOptional?: boolean;
  resolved?: string;
}

export function lockEntries(): [path: string, entry: LockEntry][] {
  const lock = JSON.parse(readFileSync(join(repository, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, LockEntry>;
  };
  return Object.entries(lock.packages).filter(([path]) => path !== '');
}

/** What is needed at run time, by name, each once; binaries of other platforms too. */
export function runTimeParties(): ThirdParty[] {
  const parties = new Map<string, ThirdParty>();
  for (const [path, entry] of lockEntries()) {
    if (entry.dev || entry.devOptional) continue;
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const found = besides(name) ?? copyrightOf(join(repository, path));
    const copyright = [...new Set([...(parties.get(name)?.copyright ?? []), ...found])];
    parties.set(name, { name, licence: entry.license ?? 'unknown', copyright });
  }
  return [...parties.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function copyrightOf(folder: string): string[] {
  const files = readdirSync(folder).filter((name) => /^(licen[cs]e|copying|notice)/i.test(name));
  const lines = files
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').split(/\r?\n/))
    .map((line) => line.replace(/^[\s*#/>"-]+|^MIT License /g, '').trim())
    .filter((line) => /^(portions )?(copyright\b|\(c\)|©)/i.test(line) && /\d{4}|by |\(c\)|©|contributors/i.test(line))
    .filter((line) => !/\[yyyy\]|copyright (notice|owner|holder|license)/i.test(line));
  return lines.length > 0 ? [...new Set(lines)] : authorOf(folder);
}

/** Who holds what only other platforms install, or what names nobody itself. */
function besides(name: string): string[] | undefined {
  if (name.startsWith('@esbuild/')) return copyrightOf(join(repository, 'node_modules/esbuild'));
  if (name === 'fsevents')
    return ['Copyright (C) 2010-2020 by Philipp Dunkel, Ben Noordhuis, Elan Shankar, Paul Miller'];
  return undefined;
}

function authorOf(folder: string): string[] {
  const { author } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { author?: unknown };
  const name = typeof author === 'string' ? author : (author as { name?: string } | undefined)?.name;
  return name ? [`Copyright (c) ${name.replace(/\s*[<(].*$/, '')}`] : [];
}
