import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDelivery } from './delivery.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
const HEADERS = {
  ...JSON_TYPE,
  'x-gitea-event': 'release',
  'x-gitea-delivery': 'a8739d04-c4d6-40c7-af3d-e44ce23a69ce',
};
const REPOSITORY = { id: 1, name: 'com_demo', owner: { login: 'acme' } };

function parse(body: unknown, headers: Record<string, string | string[] | undefined> = HEADERS) {
  return parseDelivery(Buffer.from(JSON.stringify(body)), headers);
}

describe('parseDelivery', () => {
  it('says what happened where', () => {
    expect(parse({ action: 'published', repository: REPOSITORY })).toEqual({
      ok: true,
      notice: {
        deliveryId: 'a8739d04-c4d6-40c7-af3d-e44ce23a69ce',
        event: 'release',
        action: 'published',
        repository: { id: '1', owner: 'acme', name: 'com_demo' },
      },
    });
  });

  it.each(['forgejo', 'gitea', 'gogs', 'github'])('is content with the %s headers alone', (family) => {
    const headers = { ...JSON_TYPE, [`x-${family}-event`]: 'push', [`x-${family}-delivery`]: 'one' };
    expect(parse({ ref: 'refs/tags/v1', repository: REPOSITORY }, headers)).toMatchObject({
      ok: true,
      notice: { event: 'push', deliveryId: 'one', action: null },
    });
  });

  it.each([
    ['no repository', {}],
    ['a repository without an id', { repository: { ...REPOSITORY, id: undefined } }],
    ['a repository without an owner', { repository: { ...REPOSITORY, owner: {} } }],
  ])('names none for %s', (_name, body) => {
    expect(parse(body)).toMatchObject({ ok: true, notice: { repository: null } });
  });

  it.each([
    ['no event', { ...HEADERS, 'x-gitea-event': undefined }, {}],
    ['an empty event', { ...HEADERS, 'x-gitea-event': '' }, {}],
    ['two events', { ...HEADERS, 'x-gitea-event': ['push', 'release'] }, {}],
    ['no delivery id', { ...HEADERS, 'x-gitea-delivery': undefined }, {}],
    ['a strange delivery id', { ...HEADERS, 'x-gitea-delivery': 'a b' }, {}],
    ['an endless delivery id', { ...HEADERS, 'x-gitea-delivery': 'a'.repeat(101) }, {}],
    ['a form', { ...HEADERS, 'content-type': 'application/x-www-form-urlencoded' }, {}],
    ['no content type', { ...HEADERS, 'content-type': undefined }, {}],
    ['a list', HEADERS, []],
    ['an action that is no text', HEADERS, { action: 7 }],
    ['a push of a branch', { ...HEADERS, 'x-gitea-event': 'push' }, { ref: 'refs/heads/main', repository: REPOSITORY }],
    ['a push of nothing', { ...HEADERS, 'x-gitea-event': 'push' }, { repository: REPOSITORY }],
    [
      'a new branch',
      { ...HEADERS, 'x-gitea-event': 'create' },
      { ref: 'main', ref_type: 'branch', repository: REPOSITORY },
    ],
    [
      'a deleted branch',
      { ...HEADERS, 'x-gitea-event': 'delete' },
      { ref: 'main', ref_type: 'branch', repository: REPOSITORY },
    ],
  ])('ignores %s with a reason', (_name, headers, body) => {
    const parsed = parse(body, headers);
    expect(parsed.ok).toBe(false);
    expect(parsed.ok || parsed.reason).not.toBe('');
  });

  it('reads JSON with a charset', () => {
    expect(parse({}, { ...HEADERS, 'content-type': 'Application/JSON; charset=utf-8' })).toMatchObject({ ok: true });
  });

  it('survives any body', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => Buffer.from(text)),
        ),
        (body) => {
          expect(typeof parseDelivery(body, HEADERS).ok).toBe('boolean');
        },
      ),
    );
  });
});
