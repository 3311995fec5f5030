import { describe, expect, it } from 'vitest';
import { eventBody, MOST_BYTES } from './event-data.ts';
import { EVENT_GROUPS, EVENT_TYPES, type EventType, eventTypeOf, TYPE_CHOICES, wants } from './event-types.ts';

describe('event types', () => {
  it('have names that the spec allows', () => {
    for (const type of Object.keys(EVENT_TYPES)) expect(type).toMatch(/^[a-z_]+\.[a-z_]+$/);
  });

  it.each<[string, Record<string, unknown>, EventType | null]>([
    ['key.create', {}, 'key.created'],
    ['key.show', {}, null],
    ['key.export', {}, null],
    ['license.delete', {}, 'license.deleted'],
    ['license.extend', {}, 'license.changed'],
    ['site.takeover', {}, 'site.released'],
    ['key.domains', { domains: [] }, 'key.changed'],
    ['key.revoke', {}, 'key.revoked'],
    ['license.end', { payment_ref: 'order-1' }, 'license.renewed'],
    ['license.end', { payment_ref: null }, 'license.changed'],
    ['license.something_new', {}, 'license.changed'],
    ['site.release', {}, 'site.released'],
    ['release.yank', {}, 'release.yanked'],
    ['release.look', {}, null],
    ['product.change', {}, null],
    ['payment.paid', {}, 'payment.succeeded'],
    ['payment.dispute', {}, 'payment.disputed'],
    ['payment.something_new', {}, null],
    ['payment_event.retry', {}, null],
    ['subscription.start', {}, 'subscription.started'],
    ['subscription.recover', {}, 'subscription.changed'],
    ['subscription.past_due', {}, 'subscription.past_due'],
    ['subscription.cancel', {}, 'subscription.canceled'],
    ['subscription.end', {}, 'subscription.ended'],
    ['token.create', {}, null],
    ['constructor', {}, null],
  ])('%s %j is told as %s', (action, changes, type) => {
    expect(eventTypeOf(action, changes)).toBe(type);
  });

  it('are chosen one by one, by group or all', () => {
    expect(wants(['*'], 'webhook.test')).toBe(true);
    expect(wants(['key.*', 'site.claimed'], 'key.revoked')).toBe(true);
    expect(wants(['key.*', 'site.claimed'], 'site.released')).toBe(false);
    expect(wants([], 'key.created')).toBe(false);
    for (const group of EVENT_GROUPS) expect(TYPE_CHOICES).toContain(`${group}.*`);
  });
});

describe('the body of an event', () => {
  it('is minified JSON of type, timestamp and data', () => {
    const at = '2026-01-01T12:00:00.000Z';
    expect(eventBody('key.created', at, { object: 'key', id: 'key_1', url: '/k' })).toBe(
      `{"type":"key.created","timestamp":"${at}","data":{"object":"key","id":"key_1","url":"/k"}}`,
    );
  });

  it('stays below the size that receivers expect', () => {
    const data = { object: 'release', id: 'rel_1', url: '/r', tag: 'x'.repeat(MOST_BYTES) };
    expect(JSON.parse(eventBody('release.published', '', data)).data).toEqual({
      object: 'release',
      id: 'rel_1',
      url: '/r',
    });
  });
});
