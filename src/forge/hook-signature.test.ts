import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hookHeader, verifyHookSignature } from './hook-signature.ts';

const BODY = Buffer.from('{\n  "action": "published"\n}');
const SECRET = 'the-secret';
const HEX = createHmac('sha256', SECRET).update(BODY).digest('hex');
const OTHER = createHmac('sha256', 'another').update(BODY).digest('hex');
const NAMES = ['x-forgejo-signature', 'x-gitea-signature', 'x-gogs-signature'];
const ALL = { ...Object.fromEntries(NAMES.map((name) => [name, HEX])), 'x-hub-signature-256': `sha256=${HEX}` };

describe('verifyHookSignature', () => {
  it.each([
    ['Forgejo', { 'x-forgejo-signature': HEX }],
    ['Gitea', { 'x-gitea-signature': HEX }],
    ['Gogs', { 'x-gogs-signature': HEX }],
    ['GitHub', { 'x-hub-signature-256': `sha256=${HEX}` }],
    ['upper case', { 'x-gitea-signature': HEX.toUpperCase() }],
    ['an array of one', { 'x-gitea-signature': [HEX] }],
    ['all at once', ALL],
    ['the others empty', { 'x-gitea-signature': HEX, 'x-hub-signature-256': 'sha256=', 'x-gogs-signature': '' }],
    ['GitHub with its SHA-1 header', { 'x-hub-signature-256': `sha256=${HEX}`, 'x-hub-signature': 'sha1=00' }],
  ])('accepts %s', (_name, headers) => {
    expect(verifyHookSignature(BODY, headers, [SECRET])).toBe('valid');
    expect(verifyHookSignature(BODY, headers, ['old', SECRET])).toBe('valid');
    expect(verifyHookSignature(BODY, headers, ['old', 'older'])).toBe('invalid');
    expect(verifyHookSignature(BODY, headers, [])).toBe('invalid');
    expect(verifyHookSignature(Buffer.concat([BODY, Buffer.from(' ')]), headers, [SECRET])).toBe('invalid');
  });

  it.each([
    ['no header', {}],
    [
      'empty headers',
      { 'x-gitea-signature': '', 'x-gogs-signature': '', 'x-hub-signature': 'sha1=', 'x-hub-signature-256': 'sha256=' },
    ],
    ['blanks', { 'x-gitea-signature': '  ' }],
    ['SHA-1 only', { 'x-hub-signature': `sha1=${createHmac('sha1', SECRET).update(BODY).digest('hex')}` }],
    ['a header sent twice', { 'x-gitea-signature': [HEX, HEX] }],
  ])('takes %s for unsigned', (_name, headers) => {
    expect(verifyHookSignature(BODY, headers, [SECRET])).toBe('unsigned');
  });

  it.each([
    ['a wrong digest', { 'x-gitea-signature': OTHER }],
    ['a short digest', { 'x-gitea-signature': HEX.slice(2) }],
    ['a long digest', { 'x-gitea-signature': `${HEX}00` }],
    ['no hex', { 'x-gitea-signature': 'z'.repeat(64) }],
    ["a bare digest in GitHub's header", { 'x-hub-signature-256': HEX }],
    ["a prefix in Gitea's header", { 'x-gitea-signature': `sha256=${HEX}` }],
    ['a right one beside a wrong one', { 'x-gitea-signature': HEX, 'x-hub-signature-256': `sha256=${OTHER}` }],
    ['two joined by a proxy', { 'x-gitea-signature': `${HEX}, ${HEX}` }],
  ])('refuses %s', (_name, headers) => {
    expect(verifyHookSignature(BODY, headers, [SECRET, 'other'])).toBe('invalid');
  });

  it('refuses headers that are right by different secrets', () => {
    const headers = { 'x-gitea-signature': HEX, 'x-hub-signature-256': `sha256=${OTHER}` };
    expect(verifyHookSignature(BODY, headers, [SECRET, 'another'])).toBe('invalid');
  });

  it('never takes an empty secret', () => {
    const hex = createHmac('sha256', '').update(BODY).digest('hex');
    expect(verifyHookSignature(BODY, { 'x-gitea-signature': hex }, [''])).toBe('invalid');
  });

  it('accepts no text that was not made with the secret', () => {
    fc.assert(
      fc.property(fc.string(), fc.uint8Array(), (signature, body) => {
        expect(verifyHookSignature(body, { 'x-gitea-signature': signature }, [SECRET])).not.toBe('valid');
      }),
    );
  });
});

describe('hookHeader', () => {
  it.each([
    ['text', 'text'],
    [' text ', 'text'],
    ['', null],
    [undefined, null],
    [['one'], 'one'],
    [['one', 'two'], null],
    [[], null],
  ])('%j is %j', (value, expected) => {
    expect(hookHeader({ name: value }, 'name')).toBe(expected);
  });
});
