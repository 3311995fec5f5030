import type { Knex } from 'knex';

type Table = Knex.CreateTableBuilder;

/** How columns are written down. Every text compares bytewise on both engines, whatever the locale of the PostgreSQL. */
export function columns(tx: Knex) {
  const type = tx.client.config.client === 'pg' ? 'text collate "C"' : 'text';
  return {
    text: (table: Table, name: string) => table.specificType(name, type).notNullable(),
    maybe: (table: Table, name: string) => table.specificType(name, type).nullable(),
    id: (table: Table) => table.specificType('id', type).primary(),
    ref: (table: Table, name: string, target: string) =>
      table.specificType(name, type).notNullable().references('id').inTable(target).onDelete('RESTRICT'),
    maybeRef: (table: Table, name: string, target: string) =>
      table.specificType(name, type).nullable().references('id').inTable(target).onDelete('RESTRICT'),
    /** Who made it and when: `created_by` is `cli`, `system`, a token's id or a person's. */
    made(table: Table) {
      table.specificType('created_at', type).notNullable();
      table.specificType('created_by', type).notNullable();
    },
  };
}
