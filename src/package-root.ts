import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of package.json, from the sources and from the built files alike. */
export const packageRoot: string = findRoot(dirname(fileURLToPath(import.meta.url)));

function findRoot(folder: string): string {
  if (existsSync(join(folder, 'plugin-manifest.json'))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error('the installation is incomplete: plugin-manifest.json is missing');
  return findRoot(parent);
}

export function readPackageJson(name: string): unknown {
  return JSON.parse(readFileSync(join(packageRoot, name), 'utf8'));
}

export const version: string = String((readPackageJson('package.json') as { version: unknown }).version);
