import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { repository } from './third-parties.ts';

/** Everything that goes wrong with payments, as the makers of this software have numbered it; none of them is without a test. */
const CASES = 45;

it('every numbered failure case of payments has a test that begins with its number', () => {
  const files = ['src', 'test']
    .flatMap((folder) =>
      readdirSync(join(repository, folder), { recursive: true }).map((file) => join(folder, String(file))),
    )
    .filter((file) => file.endsWith('.test.ts'));
  const found = new Set<number>();
  for (const file of files) {
    const text = readFileSync(join(repository, file), 'utf8');
    for (const [, number] of text.matchAll(/\(\s*['"`]case (\d+): /g)) found.add(Number(number));
  }
  const missing = Array.from({ length: CASES }, (_, i) => i + 1).filter((number) => !found.has(number));
  expect(missing).toEqual([]);
  expect([...found].filter((number) => number < 1 || number > CASES)).toEqual([]);
});
