import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromBufferPromise } from 'yauzl';
import { ZipFile } from 'yazl';
import { ARCHIVE_LIMITS, withArchive } from './archive-io.ts';
import { repack } from './repack-io.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FILES = {
  'repo-v1/src/x.xml': '<extension/>',
  'repo-v1/src/a/b.txt': 'b'.repeat(200_000),
  'repo-v1/src/empty.txt': '',
  'repo-v1/src/größe.txt': 'groß',
  'repo-v1/README.md': 'read me',
};

let folder = '';
let count = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'repack-io-'));
});
afterAll(() => rm(folder, { recursive: true }));

function fresh(): string {
  return join(folder, `${count++}.zip`);
}

interface Packing {
  mtime?: Date;
  mode?: number;
  compress?: boolean;
}

async function pack(files: [string, string][], packing: Packing = {}): Promise<string> {
  const zip = new ZipFile();
  zip.addEmptyDirectory('repo-v1/');
  for (const [path, content] of files) zip.addBuffer(Buffer.from(content), path, packing);
  zip.end();
  const path = fresh();
  await pipeline(zip.outputStream, createWriteStream(path));
  return path;
}

async function contentsOf(path: string): Promise<[string, string][]> {
  const result = await withArchive(path, ARCHIVE_LIMITS, (archive) =>
    Promise.all(
      archive.files.map(
        async (file): Promise<[string, string]> => [file.path, Buffer.from(await archive.read(file.path)).toString()],
      ),
    ),
  );
  if (!result.ok) throw new Error(result.problem.detail);
  return result.value;
}

async function sha256(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

describe('repack', () => {
  it('puts what is below strip under prefix, sorted, and drops the rest', async () => {
    const target = fresh();
    const result = await repack(
      await pack(Object.entries(FILES)),
      { strip: 'repo-v1/src/', prefix: 'example/' },
      target,
    );
    expect(result).toEqual({ ok: true, value: { size: (await readFile(target)).length } });
    expect(await contentsOf(target)).toEqual([
      ['example/a/b.txt', FILES['repo-v1/src/a/b.txt']],
      ['example/empty.txt', ''],
      ['example/größe.txt', 'groß'],
      ['example/x.xml', '<extension/>'],
    ]);
  });

  it('with an empty plan keeps every file where it is', async () => {
    const target = fresh();
    await repack(await pack(Object.entries(FILES)), { strip: '', prefix: '' }, target);
    expect((await contentsOf(target)).map(([path]) => path)).toEqual(Object.keys(FILES).sort());
  });

  it('gives the same bytes whatever dates, modes, order and packing the source has', async () => {
    const plan = { strip: 'repo-v1/', prefix: '' };
    const sources = await Promise.all([
      pack(Object.entries(FILES), { mtime: new Date('2001-02-03T04:05:06Z') }),
      pack(Object.entries(FILES).reverse(), { mtime: new Date('2030-12-31T23:59:59Z'), mode: 0o100755 }),
      pack(Object.entries(FILES), { compress: false }),
    ]);
    const hashes = await Promise.all(
      sources.map(async (source) => {
        const target = fresh();
        await repack(source, plan, target);
        return sha256(target);
      }),
    );
    expect(new Set(hashes).size).toBe(1);
    const again = fresh();
    await repack(sources[0] ?? '', { ...plan, prefix: 'x/' }, again);
    expect(await sha256(again)).not.toBe(hashes[0]);
  });

  it('gives the same bytes in every time zone', async () => {
    const source = await pack(Object.entries(FILES));
    const module = pathToFileURL(join(ROOT, 'src/releases/repack-io.ts')).href;
    const hashes = [];
    for (const zone of ['UTC', 'Pacific/Auckland', 'America/Anchorage']) {
      const target = fresh();
      const script = `
        const { repack } = await import(${JSON.stringify(module)});
        await repack(...${JSON.stringify([source, { strip: 'repo-v1/', prefix: 'x/' }, target])});
        process.stdout.write(new Date(0).toString());`;
      const options = { cwd: ROOT, env: { TZ: zone } };
      const args = ['--import', 'tsx', '--input-type=module', '-e', script];
      const printed = execFileSync(process.execPath, args, options).toString();
      hashes.push({ printed, hash: await sha256(target) });
    }
    expect(new Set(hashes.map(({ printed }) => printed)).size).toBe(3);
    expect(new Set(hashes.map(({ hash }) => hash)).size).toBe(1);
  });

  it('writes one date, one mode and no extra fields', async () => {
    const target = fresh();
    await repack(await pack(Object.entries(FILES), { mode: 0o100755 }), { strip: '', prefix: '' }, target);
    const zip = await fromBufferPromise(await readFile(target));
    for await (const entry of zip.eachEntry()) {
      expect(entry.externalFileAttributes >>> 16).toBe(0o100644);
      expect(entry.extraFieldLength).toBe(0);
      expect(entry.lastModFileDate).toBe((1 << 5) | 1);
      expect(entry.lastModFileTime).toBe(12 << 11);
    }
  });

  it.skipIf(!has('unzip'))('is read by unzip', async () => {
    const target = fresh();
    await repack(await pack(Object.entries(FILES)), { strip: 'repo-v1/', prefix: 'x/' }, target);
    expect(execFileSync('unzip', ['-tq', target]).toString()).toContain('No errors detected');
  });
});

describe('a repack that fails', () => {
  async function expectNothingLeft(target: string): Promise<void> {
    const names = await readdir(folder);
    expect(names.filter((name) => name.endsWith('.tmp') || join(folder, name) === target)).toEqual([]);
  }

  it('tells damage as a problem and leaves nothing behind', async () => {
    const source = await pack([
      ['a.txt', 'first'],
      ['b.txt', 'second'.repeat(1000)],
    ]);
    const bytes = await readFile(source);
    const at = bytes.indexOf('b.txt') + 'b.txt'.length + 5;
    bytes[at] = (bytes[at] ?? 0) ^ 0xff;
    await writeFile(source, bytes);
    const target = fresh();
    const result = await repack(source, { strip: '', prefix: '' }, target);
    expect(result).toMatchObject({ ok: false, problem: { code: 'ARCHIVE_DAMAGED' } });
    await expectNothingLeft(target);
  });

  it('leaves an older target as it was', async () => {
    const target = fresh();
    await writeFile(target, 'older');
    const noZip = fresh();
    await writeFile(noZip, 'no zip');
    expect(await repack(noZip, { strip: '', prefix: '' }, target)).toMatchObject({
      ok: false,
      problem: { code: 'ARCHIVE_NOT_ZIP' },
    });
    expect(await readFile(target, 'utf8')).toBe('older');
    await rm(target);
    await expectNothingLeft(target);
  });

  it('keeps to the limits', async () => {
    const target = fresh();
    const result = await repack(await pack(Object.entries(FILES)), { strip: '', prefix: '' }, target, {
      ...ARCHIVE_LIMITS,
      totalBytes: 1000,
    });
    expect(result).toMatchObject({ ok: false, problem: { code: 'ARCHIVE_TOO_LARGE' } });
    await expectNothingLeft(target);
  });

  it.each([
    [{ strip: 'absent/', prefix: '' }, 'nothing to repack'],
    [{ strip: '', prefix: '../' }, 'invalid relative path'],
    [{ strip: '', prefix: '/' }, 'absolute path'],
  ])('throws for the plan %j, which is no fault of the source', async (plan, words) => {
    const target = fresh();
    await expect(repack(await pack(Object.entries(FILES)), plan, target)).rejects.toThrow(words);
    await expectNothingLeft(target);
  });

  it('throws where the target cannot be written', async () => {
    const source = await pack(Object.entries(FILES));
    await expect(repack(source, { strip: '', prefix: '' }, join(folder, 'absent', 'x.zip'))).rejects.toThrow('ENOENT');
  });

  it('of many large files, two at once into one target, leaves one whole file', async () => {
    const files = Array.from({ length: 300 }, (_, i): [string, string] => [`f${i}.txt`, `${i}`.repeat(3000)]);
    const source = await pack(files);
    const target = fresh();
    const results = await Promise.all([1, 2].map(() => repack(source, { strip: '', prefix: 'x/' }, target)));
    expect(results[0]).toEqual(results[1]);
    expect(await contentsOf(target)).toHaveLength(300);
  });
});

function has(program: string): boolean {
  try {
    execFileSync(program, ['-v'], { stdio: 'ignore' });
    return true;
  } catch {
    process.stderr.write(`${program} is not installed: its test is left out\n`);
    return false;
  }
}
