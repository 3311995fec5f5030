import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { crc32, deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ARCHIVE_LIMITS, type ArchiveResult, type OpenArchive, withArchive } from './archive-io.ts';

let folder = '';
let count = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'archive-io-'));
});
afterAll(() => rm(folder, { recursive: true }));

interface Piece {
  path: string | Buffer;
  content?: string | Buffer;
  method?: 0 | 8 | 9;
  flags?: number;
  mode?: number;
  crc?: number;
  size?: number;
  packed?: Buffer;
  extra?: Buffer;
  offset?: number;
}

/** A zip written byte by byte, so that every field can be wrong. */
function zipOf(pieces: Piece[], comment = ''): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const piece of pieces) {
    const name = Buffer.from(piece.path);
    const content = Buffer.from(piece.content ?? '');
    const method = piece.method ?? 8;
    const packed = piece.packed ?? (method === 8 ? deflateRawSync(content) : content);
    const extra = piece.extra ?? Buffer.alloc(0);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(piece.flags ?? 0x800, 2);
    common.writeUInt16LE(method, 4);
    common.writeUInt32LE(piece.crc ?? crc32(content), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(piece.size ?? content.length, 18);
    common.writeUInt16LE(name.length, 22);
    locals.push(Buffer.from('PK\u0003\u0004'), common, name, packed);
    const own = Buffer.from(common);
    own.writeUInt16LE(extra.length, 24);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(((piece.mode ?? 0o100644) << 16) >>> 0, 6);
    tail.writeUInt32LE(piece.offset ?? at, 10);
    directory.push(Buffer.from('PK\u0001\u0002'), Buffer.from([20, 3]), own, tail, name, extra);
    at += 30 + name.length + packed.length;
  }
  const end = Buffer.alloc(18);
  end.writeUInt16LE(pieces.length, 4);
  end.writeUInt16LE(pieces.length, 6);
  end.writeUInt32LE(Buffer.concat(directory).length, 8);
  end.writeUInt32LE(at, 12);
  end.writeUInt16LE(comment.length, 16);
  return Buffer.concat([...locals, ...directory, Buffer.from('PK\u0005\u0006'), end, Buffer.from(comment)]);
}

async function saved(bytes: Buffer): Promise<string> {
  const path = join(folder, `${count++}.zip`);
  await writeFile(path, bytes);
  return path;
}

async function openBytes<T>(
  bytes: Buffer,
  fn: (archive: OpenArchive) => Promise<T>,
  limits = ARCHIVE_LIMITS,
): Promise<ArchiveResult<T>> {
  return withArchive(await saved(bytes), limits, fn);
}

async function readAll(archive: OpenArchive): Promise<Record<string, string>> {
  const contents: Record<string, string> = {};
  for (const { path } of archive.files) contents[path] = Buffer.from(await archive.read(path)).toString();
  return contents;
}

async function codeOf(bytes: Buffer, limits = ARCHIVE_LIMITS): Promise<string> {
  const result = await openBytes(bytes, readAll, limits);
  return result.ok ? '(ok)' : result.problem.code;
}

function zip64Locator(offset: bigint): Buffer {
  const bytes = Buffer.alloc(86);
  bytes.write('PK\u0003\u0004', 0, 'latin1');
  bytes.write('PK\u0006\u0007', 44, 'latin1');
  bytes.writeBigUInt64LE(offset, 52);
  bytes.write('PK\u0005\u0006', 64, 'latin1');
  return bytes;
}

function zip64Extra(value: bigint): Buffer {
  const extra = Buffer.alloc(12);
  extra.writeUInt16LE(1, 0);
  extra.writeUInt16LE(8, 2);
  extra.writeBigUInt64LE(value, 4);
  return extra;
}

describe('withArchive', () => {
  it('shows files with path and size, without folders, and reads them', async () => {
    const bytes = zipOf([
      { path: 'com_x/', mode: 0o40755, method: 0 },
      { path: 'com_x/x.xml', content: '<extension/>' },
      { path: './com_x//stored.txt', content: 'plain', method: 0 },
      { path: 'com_x/empty.txt', method: 0 },
      { path: 'com_x/also-empty.txt' },
      { path: 'b.txt', content: 'b', mode: 0 },
    ]);
    const result = await openBytes(bytes, async (archive) => ({
      files: archive.files,
      contents: await readAll(archive),
    }));
    expect(result).toEqual({
      ok: true,
      value: {
        files: [
          { path: 'com_x/x.xml', size: 12 },
          { path: 'com_x/stored.txt', size: 5 },
          { path: 'com_x/empty.txt', size: 0 },
          { path: 'com_x/also-empty.txt', size: 0 },
          { path: 'b.txt', size: 1 },
        ],
        contents: {
          'com_x/x.xml': '<extension/>',
          'com_x/stored.txt': 'plain',
          'com_x/empty.txt': '',
          'com_x/also-empty.txt': '',
          'b.txt': 'b',
        },
      },
    });
  });

  it('reads names in UTF-8, said or not, and in the old default', async () => {
    const bytes = zipOf([
      { path: 'größe.txt' },
      { path: 'naïve.txt', flags: 0 },
      { path: Buffer.from([0x81, 0x2e, 0x74, 0x78, 0x74]), flags: 0 },
    ]);
    const result = await openBytes(bytes, async ({ files }) => files.map(({ path }) => path));
    expect(result).toEqual({ ok: true, value: ['größe.txt', 'naïve.txt', 'ü.txt'] });
  });

  it('takes an empty archive and one with a comment', async () => {
    expect(await codeOf(zipOf([]))).toBe('(ok)');
    expect(await codeOf(zipOf([{ path: 'a', content: 'a' }], 'built by hand'))).toBe('(ok)');
  });

  it.each<[string, Buffer, string]>([
    ['no bytes', Buffer.alloc(0), 'ASSET_EMPTY'],
    ['one byte', Buffer.from('P'), 'ARCHIVE_NOT_ZIP'],
    ['a web page', Buffer.from('<!doctype html><title>Sign in</title>'), 'ARCHIVE_NOT_ZIP'],
    ['a tar', Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 0]), Buffer.alloc(100)]), 'ARCHIVE_NOT_ZIP'],
    ['only the magic', Buffer.from('PK\u0003\u0004'), 'ARCHIVE_DAMAGED'],
    ['a zip that was cut off', zipOf([{ path: 'a', content: 'a'.repeat(99) }]).subarray(0, 60), 'ARCHIVE_DAMAGED'],
    ['a zip with bytes behind it', Buffer.concat([zipOf([{ path: 'a' }]), Buffer.from('x')]), 'ARCHIVE_DAMAGED'],
    ['a wrong checksum', zipOf([{ path: 'a', content: 'a', crc: 1 }]), 'ARCHIVE_DAMAGED'],
    ['a wrong checksum of no bytes', zipOf([{ path: 'a', method: 0, crc: 1 }]), 'ARCHIVE_DAMAGED'],
    ['a file shorter than said', zipOf([{ path: 'a', content: 'a', size: 2 }]), 'ARCHIVE_DAMAGED'],
    ['a file longer than said', zipOf([{ path: 'a', content: 'abc', size: 2 }]), 'ARCHIVE_DAMAGED'],
    ['broken deflate data', zipOf([{ path: 'a', content: 'abc', packed: Buffer.from('zzzzzz') }]), 'ARCHIVE_DAMAGED'],
    ['cut deflate data', zipOf([{ path: 'a', content: 'x', packed: Buffer.alloc(0) }]), 'ARCHIVE_DAMAGED'],
    ['a header outside of the file', zipOf([{ path: 'a', offset: 0xfffffff0 }]), 'ARCHIVE_DAMAGED'],
    ['a header that is none', zipOf([{ path: 'a', offset: 3 }]), 'ARCHIVE_DAMAGED'],
    ['a position beyond all numbers', zip64Locator(2n ** 63n), 'ARCHIVE_DAMAGED'],
    [
      'a header beyond all numbers',
      zipOf([{ path: 'a', offset: 0xffffffff, extra: zip64Extra(2n ** 63n) }]),
      'ARCHIVE_DAMAGED',
    ],
    ['an encrypted file', zipOf([{ path: 'a', content: 'a', flags: 0x801 }]), 'ASSET_UNREADABLE'],
    ['an unusual packing', zipOf([{ path: 'a', content: 'a', method: 9 }]), 'ASSET_UNREADABLE'],
    ['a path up', zipOf([{ path: 'a/../../b' }]), 'ARCHIVE_UNSAFE_PATH'],
    ['a folder up', zipOf([{ path: '../' }]), 'ARCHIVE_UNSAFE_PATH'],
    ['an absolute path', zipOf([{ path: '/etc/passwd' }]), 'ARCHIVE_UNSAFE_PATH'],
    ['a drive', zipOf([{ path: 'c:/x' }]), 'ARCHIVE_UNSAFE_PATH'],
    ['a drive without a slash', zipOf([{ path: 'C:x' }]), 'ARCHIVE_UNSAFE_PATH'],
    ['a backslash', zipOf([{ path: 'a\\b' }]), 'ARCHIVE_UNSAFE_PATH'],
    ['a NUL', zipOf([{ path: 'a\0b' }]), 'ARCHIVE_UNSAFE_PATH'],
    ['a line end', zipOf([{ path: 'a\nb' }]), 'ARCHIVE_UNSAFE_PATH'],
    ['a long path', zipOf([{ path: 'x'.repeat(513) }]), 'ARCHIVE_UNSAFE_PATH'],
    ['a deep path', zipOf([{ path: 'x/'.repeat(50) }]), 'ARCHIVE_UNSAFE_PATH'],
    ['a link', zipOf([{ path: 'a', content: '/etc', mode: 0o120777 }]), 'ARCHIVE_UNSAFE_PATH'],
    ['a device', zipOf([{ path: 'a', mode: 0o020644 }]), 'ARCHIVE_UNSAFE_PATH'],
    ['a path twice', zipOf([{ path: 'a' }, { path: './a' }]), 'ARCHIVE_UNSAFE_PATH'],
    ['a file that is a folder', zipOf([{ path: 'a' }, { path: 'a/b' }]), 'ARCHIVE_UNSAFE_PATH'],
    ['a hidden path up', zipOf([hiddenName('a', '../a')]), 'ARCHIVE_UNSAFE_PATH'],
  ])('tells %s', async (_what, bytes, code) => {
    expect(await codeOf(bytes)).toBe(code);
  });

  it('says what is wrong in words, without a platform', async () => {
    const result = await openBytes(zipOf([{ path: 'a/../../b' }]), readAll);
    expect(result).toEqual({
      ok: false,
      problem: {
        code: 'ARCHIVE_UNSAFE_PATH',
        severity: 'error',
        platform: null,
        detail: 'The archive is not safe to unpack: the path "a/../../b" leads out of the archive.',
        fix: 'Build the archive again without that file.',
      },
    });
  });

  it('throws for a file that is not there, as that is no fault of the archive', async () => {
    await expect(withArchive(join(folder, 'absent.zip'), ARCHIVE_LIMITS, readAll)).rejects.toThrow('ENOENT');
  });
});

/** Info-ZIP's Unicode path: a second name of the same file. */
function hiddenName(path: string, other: string): Piece {
  const extra = Buffer.alloc(9 + other.length);
  extra.writeUInt16LE(0x7075, 0);
  extra.writeUInt16LE(5 + other.length, 2);
  extra.writeUInt8(1, 4);
  extra.writeUInt32LE(crc32(path), 5);
  extra.write(other, 9);
  return { path, extra };
}

describe('the limits', () => {
  const limits = { entries: 3, totalBytes: 1000, ratio: 10, ratioFromBytes: 500, readBytes: 400 };

  it.each<[string, Piece[], string]>([
    ['3 entries', ['a', 'b', 'c'].map((path) => ({ path })), '(ok)'],
    ['4 entries', ['a', 'b', 'c', 'd'].map((path) => ({ path })), 'ARCHIVE_TOO_LARGE'],
    ['4 entries with folders', ['a/', 'b/', 'c/', 'd'].map((path) => ({ path })), 'ARCHIVE_TOO_LARGE'],
    ['400 bytes to read', [{ path: 'a', content: 'x'.repeat(400) }], '(ok)'],
    ['401 bytes to read', [{ path: 'a', content: 'x'.repeat(401) }], 'ARCHIVE_TOO_LARGE'],
    ['1000 bytes in all', ['a', 'b', 'c'].map((path) => stored(path, path === 'c' ? 334 : 333)), '(ok)'],
    ['1001 bytes in all', ['a', 'b', 'c'].map((path) => stored(path, path === 'c' ? 335 : 333)), 'ARCHIVE_TOO_LARGE'],
    ['a lie about the size', [{ path: 'a', content: 'x', size: 0xfffffffe }], 'ARCHIVE_TOO_LARGE'],
    ['a bomb that is small', [{ path: 'a', content: 'x'.repeat(400) }], '(ok)'],
  ])('judge %s', async (_what, pieces, code) => {
    expect(await codeOf(zipOf(pieces), limits)).toBe(code);
  });

  it('stop a bomb by its ratio, from a size on', async () => {
    const bomb = zipOf([{ path: 'a', content: 'x'.repeat(100_000) }]);
    const judge = (ratioFromBytes: number) => codeOf(bomb, { ...ARCHIVE_LIMITS, ratio: 200, ratioFromBytes });
    expect(bomb.length).toBeLessThan(500);
    expect(await judge(99_999)).toBe('ARCHIVE_TOO_LARGE');
    expect(await judge(100_000)).toBe('(ok)');
  });

  it('never let more bytes out than the directory promised', async () => {
    const lie = zipOf([{ path: 'a', content: 'x'.repeat(1_000_000), size: 10 }]);
    let seen = 0;
    const result = await openBytes(lie, async (archive) => {
      for await (const chunk of await archive.stream('a')) seen += chunk.length;
    });
    expect(result).toMatchObject({ ok: false, problem: { code: 'ARCHIVE_DAMAGED' } });
    expect(seen).toBeLessThanOrEqual(10);
  });

  it('that a reader gets over are no fault of the archive, damage is', async () => {
    const swallow = (bytes: Buffer) =>
      openBytes(
        bytes,
        (archive) =>
          archive.read('a').then(
            () => 1,
            () => 2,
          ),
        limits,
      );
    expect(await swallow(zipOf([{ path: 'a', content: 'x'.repeat(401) }]))).toEqual({ ok: true, value: 2 });
    expect(await swallow(zipOf([{ path: 'a', content: 'x', crc: 1 }]))).toMatchObject({ ok: false });
  });
});

function stored(path: string, length: number): Piece {
  return { path, content: 'x'.repeat(length), method: 0 };
}

describe('fn', () => {
  const bytes = zipOf([{ path: 'a', content: Buffer.alloc(300_000, 'ab') }]);

  it('gets its own errors back', async () => {
    await expect(openBytes(bytes, () => Promise.reject(new Error('mine')))).rejects.toThrow('mine');
    await expect(openBytes(bytes, (archive) => archive.read('b'))).rejects.toThrow('no such file');
  });

  it('may stop reading early or forget a stream', async () => {
    const early = await openBytes(bytes, async (archive) => {
      for await (const chunk of await archive.stream('a')) return chunk.length > 0;
      return false;
    });
    expect(early).toEqual({ ok: true, value: true });
    const forgotten = await openBytes(bytes, async (archive) => ({ stream: await archive.stream('a') }));
    if (!forgotten.ok) throw new Error('expected a stream');
    await expect(finished(forgotten.value.stream)).rejects.toThrow();
    expect(forgotten.value.stream.destroyed).toBe(true);
  });

  it('may read several files at once', async () => {
    const many = zipOf(Array.from({ length: 30 }, (_, i) => ({ path: `f${i}`, content: `content ${i}`.repeat(5000) })));
    const result = await openBytes(many, async (archive) => {
      const read = await Promise.all(archive.files.map(({ path }) => archive.read(path)));
      return read.map((content) => Buffer.from(content.subarray(0, 10)).toString());
    });
    expect(result).toMatchObject({ ok: true, value: { 0: 'content 0c', 29: 'content 29' } });
  });
});

describe('whatever happens to the bytes', () => {
  const whole = zipOf([
    { path: 'com_x/x.xml', content: '<extension/>'.repeat(20) },
    { path: 'com_x/y.txt', content: 'plain', method: 0 },
  ]);

  it('is either read as it was or told as a problem, and never crashes', async () => {
    const expected = await openBytes(whole, readAll);
    const change = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const bytes = Buffer.from(whole);
        for (const [at, value] of changes) bytes[at] = value;
        const result = await openBytes(bytes, readAll);
        if (result.ok) expect(Object.values(result.value).every((text) => isKnown(text))).toBe(true);
        else expect(result.problem.detail).not.toBe('');
      }),
      { numRuns: 400 },
    );
    function isKnown(text: string): boolean {
      return text === '' || (expected.ok && Object.values(expected.value).includes(text));
    }
  });

  it('is told where it was cut off', async () => {
    for (let length = 4; length < whole.length; length++) {
      const path = await saved(whole);
      await truncate(path, length);
      expect(await withArchive(path, ARCHIVE_LIMITS, readAll)).toMatchObject({
        ok: false,
        problem: { code: 'ARCHIVE_DAMAGED' },
      });
    }
  });
});
