import type { z } from 'zod';
import { EVENT_DATA, EventCause, TestData } from './event-data.ts';
import { EVENT_GROUPS, EVENT_TYPES } from './event-types.ts';

const DATA: Readonly<Record<string, z.ZodType>> = {
  ...Object.fromEntries(
    EVENT_GROUPS.map((group) => {
      const name = `${group[0]?.toUpperCase()}${group.slice(1)}`;
      return [group, EVENT_DATA[group].extend(EventCause.shape).meta({ id: `${name}Event` })];
    }),
  ),
  webhook: TestData,
};

/** Every event with the schema of its data, for the OpenAPI document. */
export function eventDocs(): { type: string; summary: string; data: z.ZodType }[] {
  return Object.entries(EVENT_TYPES).map(([type, summary]) => {
    const data = DATA[type.split('.')[0] ?? ''];
    if (data === undefined) throw new Error(`the event ${type} has no schema`);
    return { type, summary, data };
  });
}
