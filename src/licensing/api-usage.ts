import { z } from 'zod';
import { DAY, dayOf } from '../clock.ts';
import type { Db } from '../db/connect.ts';
import { idParam } from '../http/id-param.ts';
import { cursorParam, encodeCursor, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { LEVELS, type LevelRoutes } from '../releases/level.ts';
import { dayField, instant } from './fields.ts';
import { placeOf, requireRange, usageAt } from './shop.ts';

const DAYS_SHOWN = 30;

const UsageView = z
  .object({
    day: z.string().meta({ description: 'In UTC' }),
    product_id: z.string(),
    site: z.string().meta({ description: 'Empty where none was named' }),
    kind: z.string().meta({ description: 'The document that was polled, or `download`, `validate`' }),
    platform_version: z.string(),
    code: z.string(),
    count: z.number().int(),
    last_at: instant,
  })
  .meta({ id: 'Usage' });

const place = z.tuple([z.iso.date(), z.string(), z.string(), z.string(), z.string(), z.string()]);

/** What keys were used for. */
export function usageRoutes({ db }: { db: Db }): Route[] {
  return LEVELS.map((level) => usageRoute(db, level));
}

function usageRoute(db: Db, level: LevelRoutes): Route {
  return route({
    method: 'get',
    path: `${level.path}/license-keys/{id}/usage`,
    operationId: `get${level.name}LicenseKeyUsage`,
    summary: 'What a license key was used for, by day',
    description: `Newest day first, up to this moment; ${DAYS_SHOWN} days unless told otherwise, a year at most.`,
    tag: 'license keys',
    scope: 'licenses:read',
    role: 'viewer',
    params: level.params.extend({ id: idParam('key') }),
    query: z.object({
      from: dayField.optional(),
      to: dayField.optional(),
      limit: pageQuery('key').limit,
      cursor: cursorParam(place).optional(),
    }),
    answers: {
      200: z.object({
        from: z.string(),
        to: z.string(),
        items: z.array(UsageView),
        next_cursor: z.string().nullable(),
      }),
    },
    problems: ['NOT_FOUND', 'WRONG_ID_KIND'],
    async handler({ params, query: { limit, cursor = null, ...days } }, { actor, now }) {
      const to = days.to ?? dayOf(now);
      const from = days.from ?? dayOf(Date.parse(to) - (DAYS_SHOWN - 1) * DAY);
      requireRange(from, to);
      const found = await level.find(db, actor, params);
      const rows = await usageAt(db, found, params.id, { fromDay: from, toDay: to, limit, after: cursor });
      const items = rows.slice(0, limit);
      const last = rows.length > limit ? items.at(-1) : undefined;
      return { status: 200, body: { from, to, items, next_cursor: last ? encodeCursor(placeOf(last)) : null } };
    },
  });
}
