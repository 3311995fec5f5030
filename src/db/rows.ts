/** How records (camelCase, typed) become rows (snake_case, text, numbers) and back. One place for both engines. */

export interface RowShape {
  /** Fields kept as JSON text; null stays null. */
  json?: readonly string[];
  /** SQLite answers 0 and 1, PostgreSQL false and true. */
  booleans?: readonly string[];
}

type Values = Record<string, unknown>;

const snakeNames = new Map<string, string>();
const camelNames = new Map<string, string>();

function snakeName(name: string): string {
  return remembered(snakeNames, name, () => name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`));
}

function camelName(name: string): string {
  return remembered(camelNames, name, () => name.replace(/_([a-z])/g, (_, c: string) => c.toUpperCase()));
}

function remembered(names: Map<string, string>, name: string, make: () => string): string {
  const known = names.get(name);
  if (known !== undefined) return known;
  const made = make();
  names.set(name, made);
  return made;
}

/** The caller names the record's type; the columns it selected are its promise. */
export function fromRow<T>(row: object, shape: RowShape = {}): T {
  const record: Values = {};
  for (const [column, value] of Object.entries(row)) record[camelName(column)] = value;
  for (const name of shape.booleans ?? []) record[name] = Boolean(record[name]);
  for (const name of shape.json ?? []) {
    const text = record[name];
    record[name] = typeof text === 'string' ? JSON.parse(text) : null;
  }
  return record as T;
}

export function toRow(record: object, shape: RowShape = {}): Values {
  const row: Values = {};
  for (const [name, value] of Object.entries(record)) {
    const isJson = shape.json?.includes(name) === true && value !== null;
    row[snakeName(name)] = isJson ? JSON.stringify(value) : value;
  }
  return row;
}

export function columnsOf(...names: readonly string[]): string[] {
  return names.map(snakeName);
}
