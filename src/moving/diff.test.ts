import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { unifiedDiff } from './diff.ts';

const text = (lines: number, change: (line: number) => string | null = (line) => `line ${line}`) =>
  Array.from({ length: lines }, (_, i) => change(i))
    .filter((line) => line !== null)
    .map((line) => `${line}\n`)
    .join('');

describe('a diff', () => {
  it('is empty for equal texts', () => {
    expect(unifiedDiff('a', 'x\n', 'x\n')).toBe('');
  });

  it.each([
    ['one line', text(20), text(20, (i) => (i === 9 ? 'other' : `line ${i}`))],
    ['two places', text(40), text(40, (i) => (i === 3 || i === 33 ? null : `line ${i}`))],
    ['more lines', text(5), text(5, (i) => (i === 4 ? 'line 4\nnew 1\nnew 2' : `line ${i}`))],
    ['everything', text(3), text(4, (i) => `new ${i}`)],
  ])('of %s is what git applies', (_name, before, after) => {
    const folder = mkdtempSync(join(tmpdir(), 'feedgate-diff-'));
    writeFileSync(join(folder, 'a.txt'), before);
    writeFileSync(join(folder, 'a.diff'), unifiedDiff('a.txt', before, after));
    execFileSync('git', ['apply', '--unidiff-zero', 'a.diff'], { cwd: folder });
    const result = execFileSync('cat', ['a.txt'], { cwd: folder, encoding: 'utf8' });
    rmSync(folder, { recursive: true });
    expect(result).toBe(after);
  });

  it('of a new file says so', () => {
    expect(unifiedDiff('a/b.php', null, 'one\ntwo\n')).toBe(
      '--- /dev/null\n+++ b/a/b.php\n@@ -0,0 +1,2 @@\n+one\n+two\n',
    );
  });
});
