import { z } from 'zod';
import type { AuditRecord } from './store-audit.ts';

/** A row of the audit log as it may be shown: it never holds a key, a token or a secret. */
export const AuditView = z
  .object({
    id: z.string(),
    at: z.iso.datetime(),
    organization_id: z.string().nullable().meta({ description: 'null: a matter of the whole installation' }),
    actor: z
      .object({
        kind: z.enum(['token', 'person', 'cli', 'system', 'client']),
        id: z.string(),
        name: z
          .string()
          .nullable()
          .meta({ description: 'The name of a token, the login of a person, the hint of a key; null: not known' }),
      })
      .meta({ id: 'AuditActor' }),
    action: z.string().meta({ description: 'What was done', examples: ['license.suspend'] }),
    entity: z.string().meta({ description: 'The kind of thing that it was done to', examples: ['license'] }),
    entity_id: z.string(),
    changes: z.record(z.string(), z.unknown()).meta({
      description: 'By field: what it was set to, or `from` and `to`',
      examples: [{ suspended: { from: false, to: true } }],
    }),
    request_id: z.string().nullable(),
  })
  .meta({ id: 'AuditEvent' });

export function auditView(row: AuditRecord, names: ReadonlyMap<string, string>): z.input<typeof AuditView> {
  const { id, at, organization_id, actor, action, entity, entity_id, changes, request_id } = row;
  const kind = kindOfActor(row);
  const name = kind === 'cli' || kind === 'system' ? kind : (names.get(actor) ?? null);
  return {
    ...{ id, at, organization_id, actor: { kind, id: actor, name }, action, entity, entity_id },
    changes: JSON.parse(changes),
    request_id,
  };
}

/** Rows from before the kind was kept tell it by the id. */
function kindOfActor({ actor, actor_kind }: AuditRecord): 'token' | 'person' | 'cli' | 'system' | 'client' {
  if (actor_kind === 'token' || actor_kind === 'person' || actor_kind === 'client') return actor_kind;
  if (actor === 'cli' || actor === 'system') return actor;
  return actor.startsWith('tok_') ? 'token' : 'person';
}
