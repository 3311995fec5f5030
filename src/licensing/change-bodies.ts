import { z } from 'zod';
import { instantField } from './fields.ts';
import type { LicenseChange, Move } from './license-change.ts';

const quantity = z.number().int().min(1).max(100_000).nullable().default(null);
const count = z.number().int().min(1).max(36_500).optional();
const MOVES = ['days', 'months', 'years', 'until'] as const;

/** What is sent to change a license: the same for one and for many. `id` is the field for the id of a package. */
export function changeBodies(id: z.ZodString) {
  const packageId = id
    .nullable()
    .default(null)
    .meta({ description: 'Which package of the license; null: what carries it' });
  const move = {
    package_id: packageId,
    days: count,
    months: count,
    years: count,
    until: instantField.optional().meta({ description: 'The new end itself' }),
  };
  const endNow = z.literal(true).optional().meta({ description: 'It ends at once, without grace' });
  return {
    renew: z.strictObject({
      package_id: packageId,
      quantity: quantity.meta({ description: 'null: as many times as it runs' }),
    }),
    extend: z.strictObject(move),
    shorten: z.strictObject({ ...move, end_now: endNow }),
    end: z.strictObject({
      package_id: packageId,
      valid_until: instantField.nullable().meta({ description: 'null: without an end' }),
    }),
    switch: z.strictObject({
      package_id: id.meta({ description: 'The new package, or the same one for another quantity' }),
      from_package_id: packageId.meta({ description: 'Which package it takes the place of, where there are several' }),
      quantity: quantity.meta({ description: 'null: as many times as the old one' }),
      valid_until: instantField
        .nullable()
        .optional()
        .meta({ description: 'Left out: the end stays; null: without an end' }),
    }),
  };
}
type Bodies = ReturnType<typeof changeBodies>;
type Sent<K extends keyof Bodies> = z.output<Bodies[K]>;

/** For `extend` and `shorten`: the way the end moves is said once. */
export function oneMove(body: object, context: z.core.$RefinementCtx): void {
  const names = [...MOVES, 'end_now'];
  const given = Object.entries(body).filter(([name, value]) => names.includes(name) && value !== undefined);
  if (given.length === 1) return;
  context.addIssue({ code: 'custom', message: 'give one of days, months, years and until', path: [] });
}

type MoveBody = Sent<'extend'>;

function moveOf({ days, months, years, until }: Omit<MoveBody, 'package_id'>): Move {
  if (until !== undefined) return { to: until };
  if (days !== undefined) return { by: { value: days, unit: 'day' } };
  if (months !== undefined) return { by: { value: months, unit: 'month' } };
  return { by: { value: years ?? 1, unit: 'year' } };
}

/** From what was sent to what is meant. */
export const toChange = {
  renew: (body: Sent<'renew'>): LicenseChange => ({
    kind: 'renew',
    packageId: body.package_id,
    quantity: body.quantity,
  }),
  extend: (body: MoveBody): LicenseChange => ({ kind: 'extend', packageId: body.package_id, move: moveOf(body) }),
  shorten: (body: Sent<'shorten'>): LicenseChange => ({
    kind: 'shorten',
    packageId: body.package_id,
    move: body.end_now ? 'now' : moveOf(body),
  }),
  end: (body: Sent<'end'>): LicenseChange => ({
    kind: 'end',
    packageId: body.package_id,
    end: body.valid_until,
  }),
  switch: (body: Sent<'switch'>): LicenseChange => ({
    kind: 'switch',
    to: body.package_id,
    from: body.from_package_id,
    quantity: body.quantity,
    ...(body.valid_until === undefined ? {} : { end: body.valid_until }),
  }),
};
