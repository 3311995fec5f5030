import { expect, it } from 'vitest';
import { DAY, toIso } from '../clock.ts';
import { stepOf } from './meter-step.ts';

const NOW = Date.UTC(2026, 2, 1);

it.each([
  ['fresh', 0, null, 'send'],
  ['35 days old', 35 * DAY, null, 'send'],
  ['older', 35 * DAY + 1, null, 'dropped'],
  ['tried within a day', 2 * DAY, DAY - 1, 'send'],
  ['tried a day ago', 2 * DAY, DAY, 'uncertain'],
  ['too old and tried within a day', 35 * DAY + 1, DAY - 1, 'uncertain'],
] as const)('usage that is %s', (_what, age, triedAgo, step) => {
  const triedAt = triedAgo === null ? null : toIso(NOW - triedAgo);
  expect(stepOf({ at: toIso(NOW - age), triedAt }, NOW)).toBe(step);
});
