export type AuditValue = string | number | boolean | null | readonly (string | number)[];

/**
 * Field by field, what something was set to, or from what to what. Ids and plain values only: a license key, a token or a
 * secret is named by its id and hint, never by its text.
 */
export type AuditChanges = Readonly<Record<string, AuditValue | { from: AuditValue; to: AuditValue }>>;

/**
 * Every field that differs, with its value before and after; empty where nothing does. A field inside another is named with a dot
 * (`settings.renew_url`); what is no plain value or list of such is told as JSON.
 */
export function changesBetween(before: object, after: object): Record<string, { from: AuditValue; to: AuditValue }> {
  const was = plainFields(before);
  const is = plainFields(after);
  const names = [...new Set([...was.keys(), ...is.keys()])];
  return Object.fromEntries(
    names
      .map((name) => [name, { from: was.get(name) ?? null, to: is.get(name) ?? null }] as const)
      .filter(([, { from, to }]) => JSON.stringify(from) !== JSON.stringify(to)),
  );
}

function plainFields(record: object, above = ''): Map<string, AuditValue> {
  const fields = new Map<string, AuditValue>();
  for (const [name, value] of Object.entries(record)) {
    if (value === undefined) continue;
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      for (const [inner, each] of plainFields(value, `${above}${name}.`)) fields.set(inner, each);
    } else fields.set(`${above}${name}`, isPlain(value) ? value : JSON.stringify(value));
  }
  return fields;
}

function isPlain(value: unknown): value is AuditValue {
  if (Array.isArray(value)) return value.every((each) => typeof each === 'string' || typeof each === 'number');
  return value === null || typeof value !== 'object';
}
