import fc from 'fast-check';

/** A JSON schema as our OpenAPI document holds it: no tricks, `$ref` into the components only. */
export interface JsonSchema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: boolean | JsonSchema;
  propertyNames?: JsonSchema;
  items?: JsonSchema;
  prefixItems?: JsonSchema[];
  minItems?: number;
  maxItems?: number;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  pattern?: string;
  format?: string;
  description?: string;
  default?: unknown;
}

export interface SchemaWorld {
  /** What `$ref` names. */
  components: Record<string, JsonSchema>;
  /** Ids of things that exist, by the first letters of their kind: `lic`, `pkg`. */
  ids(prefix: string): readonly string[];
}

/** The most that an array or object of unknown size is given: a fuzzer looks for holes, not for load. */
const FEW = 3;

/** Values that fit a schema, or nearly: what no schema can say (a date in the past, an id that is not there) is not avoided. */
export function arbitraryOf(schema: JsonSchema, world: SchemaWorld, depth = 0): fc.Arbitrary<unknown> {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.split('/').at(-1) ?? '';
    return depth > 6 ? fc.constant(null) : arbitraryOf(world.components[name] ?? {}, world, depth + 1);
  }
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  const options = schema.anyOf ?? schema.oneOf;
  if (options)
    return fc.oneof(...options.map((option) => arbitraryOf({ ...described(schema), ...option }, world, depth)));
  if (Array.isArray(schema.type)) {
    return fc.oneof(...schema.type.map((type) => arbitraryOf({ ...schema, type }, world, depth)));
  }
  return ofType(schema, world, depth);
}

function described({ description }: JsonSchema): JsonSchema {
  return description === undefined ? {} : { description };
}

function ofType(schema: JsonSchema, world: SchemaWorld, depth: number): fc.Arbitrary<unknown> {
  switch (schema.type) {
    case 'object':
      return objectOf(schema, world, depth);
    case 'array': {
      const item = schema.items ? arbitraryOf(schema.items, world, depth + 1) : fc.jsonValue();
      const minLength = schema.minItems ?? 0;
      return fc.array(item, { minLength, maxLength: Math.max(minLength, Math.min(schema.maxItems ?? FEW, FEW)) });
    }
    case 'string':
      return textOf(schema, world);
    case 'integer':
      return numberOf(schema);
    case 'number':
      return fc.oneof(numberOf(schema), fc.double({ noNaN: true, noDefaultInfinity: true }));
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

function objectOf(schema: JsonSchema, world: SchemaWorld, depth: number): fc.Arbitrary<unknown> {
  const { properties = {}, required = [], additionalProperties, propertyNames } = schema;
  const fields = Object.fromEntries(
    Object.entries(properties).map(([name, each]) => [name, arbitraryOf(each, world, depth + 1)]),
  );
  const named = fc.record(fields, { requiredKeys: required.filter((name) => name in fields) });
  if (typeof additionalProperties !== 'object') return named;
  const key = propertyNames ? arbitraryOf(propertyNames, world, depth + 1) : fc.string({ maxLength: 10 });
  const free = fc.dictionary(key.map(String), arbitraryOf(additionalProperties, world, depth + 1), { maxKeys: FEW });
  return fc.tuple(free, named).map(([a, b]) => ({ ...a, ...b }));
}

const INSTANTS = [
  '2027-01-31T23:59:59.000Z',
  '2020-02-29T00:00:00+14:00',
  '9999-12-31T23:59:59.999Z',
  '1970-01-01T00:00:00Z',
];
const WORDS = [
  'stable',
  'beta',
  'a',
  'one.example.com',
  '*.example.com',
  'https://shop.example.com/x?y=z',
  '1.2.0',
  '-5',
  '%',
  "'",
];

function textOf(schema: JsonSchema, world: SchemaWorld): fc.Arbitrary<string> {
  const idPrefix = /\(([a-z]{3})_…\)/.exec(schema.description ?? '')?.[1];
  const missing = idPrefix === undefined ? '' : `${idPrefix}_${'0'.repeat(26)}`;
  if (idPrefix !== undefined) return fc.constantFrom(...world.ids(idPrefix), missing);
  if (schema.format === 'date-time') return fc.constantFrom(...INSTANTS);
  if (schema.format === 'date') return fc.constantFrom('2026-11-20', '2026-02-28', '2020-12-31', '9999-12-31');
  if (schema.format === 'email') return fc.constantFrom('ada@example.com', 'a@b', 'ü@münchen.example');
  if (schema.format === 'uri') return fc.constantFrom('https://example.com/', 'http://127.0.0.1:1/x', 'https://[::1]/');
  if (schema.pattern !== undefined) return fc.stringMatching(new RegExp(schema.pattern, 'u'), { size: 'xsmall' });
  const minLength = schema.minLength ?? 0;
  const maxLength = Math.max(minLength, Math.min(schema.maxLength ?? 40, 40));
  const free = fc.string({ minLength, maxLength, unit: 'grapheme' });
  const words = WORDS.filter(({ length }) => length >= minLength && length <= maxLength);
  return words.length === 0 ? free : fc.oneof(free, fc.constantFrom(...words));
}

function numberOf({ minimum, maximum }: JsonSchema): fc.Arbitrary<number> {
  const min = Math.max(minimum ?? -1_000, -1_000_000);
  const max = Math.max(min, Math.min(maximum ?? 1_000_000, 1_000_000));
  return fc.oneof(fc.integer({ min, max }), fc.constantFrom(min, max, Math.min(max, min + 1)));
}

/** A value with one thing about it that is wrong: a field more, a field of another type, another value altogether. */
export function spoiled(value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const wrong = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom('', ' ', '\u0000', '\ud800', 1e308, -1, [], {}),
  );
  return fc.oneof(
    { weight: 1, arbitrary: wrong },
    {
      weight: 4,
      arbitrary: fc.tuple(value, fc.nat(), wrong).map(([whole, at, instead]) => {
        if (typeof whole !== 'object' || whole === null) return instead;
        const names = Object.keys(whole);
        return { ...whole, [names[at % (names.length + 1)] ?? 'surplus']: instead };
      }),
    },
  );
}
