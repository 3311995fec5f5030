import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DEFAULT_KEY_PREFIX,
  isTokenText,
  KEY_PREFIX_PATTERN,
  KEY_SCAN_PATTERN,
  keyHint,
  newKeyText,
  newTokenText,
  parseKeyText,
  TOKEN_SCAN_PATTERN,
} from './license-key.ts';

const BASE32 = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const PREFIXES = ['FG1', 'SHOPIO2'];
const bodies = fc.uint8Array({ minLength: 26, maxLength: 26 });
const prefixes = fc.stringMatching(KEY_PREFIX_PATTERN);

function keyOf(bytes: Uint8Array, prefix: string = DEFAULT_KEY_PREFIX): string {
  return newKeyText(prefix, () => bytes);
}

function replaceAt(text: string, at: number, character: string): string {
  return text.slice(0, at) + character + text.slice(at + 1);
}

function positionsAfterPrefix(text: string): number[] {
  return [...text].flatMap((character, at) => (at > text.indexOf('-') && character !== '-' ? [at] : []));
}

describe('newKeyText', () => {
  it('has the published form', () => {
    fc.assert(
      fc.property(bodies, prefixes, (bytes, prefix) => {
        const text = keyOf(bytes, prefix);
        expect(text).toMatch(/^[A-Z]{2,8}[0-9](-[0-9A-HJKMNP-TV-Z]{7}){4}$/);
        expect(encodeURIComponent(text)).toBe(text);
        expect(KEY_SCAN_PATTERN.exec(`see ${text}.`)?.[0]).toBe(text);
      }),
    );
  });

  it('keeps all 130 random bits', () => {
    expect(keyOf(Uint8Array.from({ length: 26 }, (_, i) => i))).toMatch(/^FG1-0123456-789ABCD-EFGHJKM-NPQRS/);
    expect(keyOf(new Uint8Array(26).fill(255))).toMatch(/^FG1-ZZZZZZZ-ZZZZZZZ-ZZZZZZZ-ZZZZZ/);
  });

  it('favors no character at any place', () => {
    const counts = new Map<string, number>();
    for (let byte = 0; byte < 256; byte++) {
      const character = keyOf(new Uint8Array(26).fill(byte)).charAt(4);
      counts.set(character, (counts.get(character) ?? 0) + 1);
    }
    expect([...counts.keys()].sort().join('')).toBe(BASE32);
    expect(new Set(counts.values())).toEqual(new Set([8]));
  });

  it('never makes the same key twice in 10,000', () => {
    expect(new Set(Array.from({ length: 10_000 }, () => newKeyText())).size).toBe(10_000);
  });

  it.each(['F1', 'fg1', 'FG', 'FG12', 'ABCDEFGHI1', 'F-G1', ''])('refuses the prefix %j', (prefix) => {
    expect(() => newKeyText(prefix)).toThrow('2 to 8 capital letters');
  });
});

describe('check characters', () => {
  it('find every wrong character', () => {
    fc.assert(
      fc.property(bodies, (bytes) => {
        const text = keyOf(bytes);
        for (const at of positionsAfterPrefix(text)) {
          for (const wrong of BASE32) {
            if (wrong === text.charAt(at)) continue;
            expect(parseKeyText(replaceAt(text, at, wrong), PREFIXES).kind).toBe('malformed');
          }
        }
      }),
      { numRuns: 20 },
    );
  });

  it('find every pair of unlike neighbors that changed places, at every place', () => {
    for (const a of BASE32) {
      for (const b of BASE32) {
        if (a === b) continue;
        const bytes = Uint8Array.from({ length: 26 }, (_, i) => BASE32.indexOf(i % 2 === 0 ? a : b));
        expectSwapsFound(keyOf(bytes), 1);
      }
    }
  });

  it('find two characters that changed places up to 15 apart', () => {
    fc.assert(
      fc.property(bodies, fc.integer({ min: 1, max: 15 }), (bytes, distance) => {
        expectSwapsFound(keyOf(bytes), distance);
      }),
    );
  });

  it('find a lost or a doubled character', () => {
    const text = keyOf(randomBytes(26));
    for (const at of positionsAfterPrefix(text)) {
      expect(parseKeyText(text.slice(0, at) + text.slice(at + 1), PREFIXES).kind).toBe('malformed');
      expect(parseKeyText(replaceAt(text, at, text.charAt(at).repeat(2)), PREFIXES).kind).toBe('malformed');
    }
  });

  it('do not let the key of one brand pass for a key of another', () => {
    fc.assert(
      fc.property(bodies, (bytes) => {
        const other = keyOf(bytes, 'FG2').replace('FG2', 'FG1');
        expect(parseKeyText(other, PREFIXES).kind).toBe('malformed');
      }),
    );
  });
});

function expectSwapsFound(text: string, distance: number): void {
  const places = positionsAfterPrefix(text);
  for (let i = 0; i + distance < Math.min(places.length, 26); i++) {
    const from = places[i] ?? 0;
    const to = places[i + distance] ?? 0;
    if (distance > 1 && i + distance >= 26) continue;
    const swapped = replaceAt(replaceAt(text, from, text.charAt(to)), to, text.charAt(from));
    const expected = swapped === text ? 'ours' : 'malformed';
    expect(parseKeyText(swapped, PREFIXES).kind).toBe(expected);
  }
}

describe('neighbors at and in the check characters', () => {
  it('are found as well when they change places', () => {
    fc.assert(
      fc.property(bodies, (bytes) => {
        const text = keyOf(bytes);
        for (const at of [text.length - 3, text.length - 2]) {
          const swapped = replaceAt(replaceAt(text, at, text.charAt(at + 1)), at + 1, text.charAt(at));
          expect(parseKeyText(swapped, PREFIXES).kind).toBe(swapped === text ? 'ours' : 'malformed');
        }
      }),
    );
  });
});

describe('parseKeyText', () => {
  const text = keyOf(Uint8Array.from({ length: 26 }, (_, i) => i * 37));

  it.each<[string, (key: string) => string]>([
    ['as made', (key) => key],
    ['lower case', (key) => key.toLowerCase()],
    ['no dashes', (key) => key.replaceAll('-', '')],
    ['blanks for dashes', (key) => key.replaceAll('-', ' ')],
    ['blanks and line ends round it', (key) => ` \r\n${key}\t`],
    ['a line end inside', (key) => `${key.slice(0, 11)}\r\n${key.slice(11)}`],
    ['en dashes', (key) => key.replaceAll('-', '–')],
    ['non-breaking hyphens', (key) => key.replaceAll('-', '\u2011')],
    ['minus signs', (key) => key.replaceAll('-', '\u2212')],
    ['non-breaking blanks', (key) => key.replaceAll('-', '\u00A0')],
    ['soft hyphens and zero-width blanks', (key) => key.replaceAll('-', '\u00AD-\u200B')],
    ['underscores', (key) => key.replaceAll('-', '_')],
    [
      'full-width letters',
      (key) => [...key].map((c) => (c === '-' ? c : String.fromCodePoint(c.charCodeAt(0) + 0xfee0))).join(''),
    ],
    ['O for 0', (key) => key.replaceAll('0', 'O')],
    ['o for 0', (key) => key.replaceAll('0', 'o')],
    ['I for 1', (key) => key.replaceAll('1', 'I')],
    ['l for 1', (key) => key.replaceAll('1', 'l')],
  ])('reads a key typed with %s', (_how, type) => {
    expect(parseKeyText(type(text), PREFIXES)).toEqual({ kind: 'ours', text });
    const other = keyOf(
      Uint8Array.from({ length: 26 }, (_, i) => i * 11),
      'SHOPIO2',
    );
    expect(parseKeyText(type(other), PREFIXES)).toEqual({ kind: 'ours', text: other });
  });

  it.each([
    ['', { kind: 'none' }],
    [' \t\n', { kind: 'none' }],
    ['FG1', { kind: 'malformed' }],
    ['fg1-123', { kind: 'malformed' }],
    ['FG1-UUUUUUU-UUUUUUU-UUUUUUU-UUUUUUU', { kind: 'malformed' }],
    ['FG1-000\u00000000', { kind: 'malformed' }],
    ['FGL-1234', { kind: 'foreign', text: 'FGL-1234' }],
    ['FGI-0000000-0000000-0000000-0000001', { kind: 'foreign', text: 'FGI-0000000-0000000-0000000-0000001' }],
    ['FG2-1234', { kind: 'foreign', text: 'FG2-1234' }],
    ['  MiXed-Case o0Il ', { kind: 'foreign', text: 'MiXed-Case o0Il' }],
    ['schlüssel–1', { kind: 'foreign', text: 'schlüssel–1' }],
    ['x'.repeat(512), { kind: 'foreign', text: 'x'.repeat(512) }],
    ['x'.repeat(513), { kind: 'unusable' }],
    ['abc\u0000def', { kind: 'unusable' }],
    ['abc\tdef', { kind: 'unusable' }],
    ['abc\ud800', { kind: 'unusable' }],
  ])('tells what %j is', (typed, expected) => {
    expect(parseKeyText(typed, PREFIXES)).toEqual(expected);
  });

  it('normalizes nothing where no prefix is known', () => {
    expect(parseKeyText(` ${text.toLowerCase()} `, [])).toEqual({ kind: 'foreign', text: text.toLowerCase() });
  });

  it("does not take another server's keys for its own where only the letters and the first digit fit", () => {
    for (const text of ['MOKO-1ABC-DEFG-HJKM-NPQR', 'moko 1abc defg hjkm npqr'])
      expect(parseKeyText(text, ['FG1', 'MOKO1'])).toEqual({ kind: 'foreign', text });
    expect(parseKeyText('MOKO1-ABC', ['FG1', 'MOKO1']).kind).toBe('malformed');
    expect(parseKeyText('moko\u00ad1-abc', ['FG1', 'MOKO1']).kind).toBe('malformed');
  });

  it('never throws, and what it calls ours is canonical', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.string().map((s) => `FG1-${s}`),
        ),
        (typed) => {
          const parsed = parseKeyText(typed, PREFIXES);
          if (parsed.kind === 'ours') expect(parseKeyText(parsed.text, PREFIXES)).toEqual(parsed);
          if (parsed.kind === 'foreign') expect(parsed.text).toBe(typed.trim());
        },
      ),
    );
  });
});

describe('keyHint', () => {
  it('shows the prefix and the last four characters of a key of ours', () => {
    expect(keyHint('FG1-0123456-789ABCD-EFGHJKM-NPQRSTV')).toBe('FG1…RSTV');
  });

  it.each([
    ['0123456789abcdef', '…cdef'],
    ['01234567', '…67'],
    ['0123', '…3'],
    ['abc', '…'],
  ])('shows at most a quarter of a foreign key', (text, hint) => {
    expect(keyHint(text)).toBe(hint);
  });
});

describe('API tokens', () => {
  it('have the published form and are no license keys', () => {
    for (let i = 0; i < 200; i++) {
      const token = newTokenText();
      expect(token).toMatch(/^fgt_[0-9A-Za-z]{36}$/);
      expect(isTokenText(token)).toBe(true);
      expect(TOKEN_SCAN_PATTERN.exec(`token=${token}&x`)?.[0]).toBe(token);
      expect(KEY_SCAN_PATTERN.test(token)).toBe(false);
      expect(parseKeyText(token, PREFIXES).kind).toBe('foreign');
    }
  });

  it('favor no character', () => {
    const counts = new Map<string, number>();
    for (let byte = 0; byte < 256; byte++) {
      let calls = 0;
      const character = newTokenText(() => Uint8Array.of(calls++ === 0 ? byte : 0)).charAt(4);
      counts.set(character, (counts.get(character) ?? 0) + 1);
    }
    const rejected = 8;
    expect(counts.size).toBe(62);
    expect(counts.get('0')).toBe(4 + rejected);
    for (const [character, count] of counts) if (character !== '0') expect(count).toBe(4);
  });

  it('show every wrong character and every pair of neighbors that changed places', () => {
    const token = newTokenText();
    for (let at = 4; at < token.length; at++) {
      const wrong = token.charAt(at) === 'x' ? 'y' : 'x';
      expect(isTokenText(replaceAt(token, at, wrong))).toBe(false);
      const swapped = replaceAt(replaceAt(token, at, token.charAt(at + 1)), at + 1, token.charAt(at));
      if (at + 1 < token.length && swapped !== token) expect(isTokenText(swapped)).toBe(false);
    }
  });

  it.each(['', 'fgt_', 'fgt_000000000000000000000000000000000000', `FGT_${'0'.repeat(36)}`])('refuse %j', (text) => {
    expect(isTokenText(text)).toBe(false);
  });
});
