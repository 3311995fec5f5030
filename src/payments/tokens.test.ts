import { describe, expect, it } from 'vitest';
import { newId } from '../ids.ts';
import { makeSecrets } from '../secrets.ts';
import { type LinkPurpose, makeLinkTokens } from './tokens.ts';

const secrets = makeSecrets(Buffer.alloc(32, 1), Buffer.alloc(32, 2));
const tokens = makeLinkTokens(secrets);
const ids = { order: newId('order'), license: newId('license'), customer: newId('customer') };
const purposes = Object.keys(ids) as LinkPurpose[];

describe('the tokens of links', () => {
  it('name what they were made for', () => {
    for (const purpose of purposes) expect(tokens.read(purpose, tokens[purpose](ids[purpose]))).toBe(ids[purpose]);
  });

  it('are the same each time, so that a link that was mailed twice is one link', () => {
    expect(tokens.license(ids.license)).toBe(makeLinkTokens(secrets).license(ids.license));
  });

  it('fit into a path as they are', () => {
    for (const purpose of purposes) expect(tokens[purpose](ids[purpose])).toMatch(/^[0-9a-z_]+$/);
  });

  it('are worth nothing for anything else', () => {
    for (const made of purposes) {
      for (const asked of purposes.filter((each) => each !== made))
        expect(tokens.read(asked, tokens[made](ids[made]))).toBeNull();
    }
    // The very same id under another purpose has another signature.
    expect(secrets.mac('link-order-1', ids.order)).not.toBe(secrets.mac('link-license-1', ids.order));
  });

  it('are worth nothing under another secret key, with another id or with one digit changed', () => {
    const token = tokens.order(ids.order);
    const other = makeLinkTokens(makeSecrets(Buffer.alloc(32, 1), Buffer.alloc(32, 3)));
    expect(other.read('order', token)).toBeNull();
    expect(tokens.read('order', token.replace(ids.order, newId('order')))).toBeNull();
    const last = token.at(-1) === '0' ? '1' : '0';
    expect(tokens.read('order', `${token.slice(0, -1)}${last}`)).toBeNull();
  });

  it('are read out of nothing else', () => {
    const token = tokens.order(ids.order);
    const rubbish = ['', ids.order, `${ids.order}_1`, `${token} `, token.toUpperCase(), token.replace('_1', '_2')];
    for (const text of [...rubbish, `${token}0`, '../'.repeat(40), 'x'.repeat(100_000)])
      expect(tokens.read('order', text)).toBeNull();
  });

  it('are made of ids of their kind only', () => {
    expect(() => tokens.license(ids.order)).toThrow('no id of a link for license');
  });
});
