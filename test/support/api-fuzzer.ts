import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import fc from 'fast-check';
import type { Answer } from './api-server.ts';
import { arbitraryOf, type JsonSchema, type SchemaWorld, spoiled } from './schema-arbitrary.ts';

interface Parameter {
  name: string;
  in: string;
  required: boolean;
  schema: JsonSchema;
  description?: string;
}

type Content = Record<string, { schema: JsonSchema }>;

interface Operation {
  operationId: string;
  parameters: Parameter[];
  requestBody?: { content: Content };
  responses: Record<string, { content?: Content }>;
}

/** As much of an OpenAPI document as is looked at. */
export interface ApiDocument {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, JsonSchema> };
}

export interface Shot {
  method: string;
  /** With its query, as it goes out. */
  path: string;
  body: unknown;
}

export interface Fuzzing {
  document: ApiDocument;
  ask(shot: Shot): Promise<Pick<Answer, 'status' | 'headers' | 'text' | 'json'>>;
  /** Values of path parameters that are no ids. */
  names: Record<string, readonly string[]>;
  /** Ids of things that there are. */
  ids: readonly string[];
  runs: number;
  seed: number;
  /** Only operations that it says yes to. */
  picks?(operation: Operation): boolean;
}

const ID = /\b[a-z]{3}_[0-9a-hjkmnp-tv-z]{26}\b/g;
/** A thing that exists is asked for more often than one that does not. */
const OFTEN = 6;

/**
 * Sends requests made from the document's schemas, right ones and spoiled ones, and gives back in words every answer that is a
 * fault of ours (5xx but for a forge that is not there) or that the document does not declare. What an answer names is asked for later.
 */
export async function fuzz(fuzzing: Fuzzing): Promise<string[]> {
  const { document, runs, seed, picks = () => true } = fuzzing;
  const known = new Set(fuzzing.ids);
  const world: SchemaWorld = {
    components: document.components.schemas,
    ids: (prefix) => [...known].filter((id) => id.startsWith(`${prefix}_`)).slice(-20),
  };
  const check = makeValidator(document);
  const faults: string[] = [];
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(methods).filter(([, each]) => picks(each))) {
      for (const shot of fc.sample(shotOf(path, method, operation, fuzzing.names, world), { numRuns: runs, seed })) {
        const answer = await fuzzing.ask(shot);
        for (const [id] of answer.text.matchAll(ID)) known.add(id);
        const fault = faultOf(operation, answer, check);
        if (fault !== null) faults.push(`${operation.operationId} ${JSON.stringify(shot).slice(0, 800)}\n  ${fault}`);
      }
    }
  }
  return faults;
}

function shotOf(
  path: string,
  method: string,
  operation: Operation,
  names: Fuzzing['names'],
  world: SchemaWorld,
): fc.Arbitrary<Shot> {
  const all = (place: string) => operation.parameters.filter((each) => each.in === place);
  const arbitraryFor = ({ name, schema, description }: Parameter) => {
    const given = names[name];
    if (given) {
      const right = { weight: OFTEN, arbitrary: fc.constantFrom(...given) };
      return fc.oneof(right, { weight: 1, arbitrary: fc.constantFrom('nobody', '%', '..') });
    }
    return arbitraryOf({ ...schema, ...(description === undefined ? {} : { description }) }, world);
  };
  const fields = (place: string) => Object.fromEntries(all(place).map((each) => [each.name, arbitraryFor(each)]));
  const params = fc.record(fields('path'));
  const query = fc.record(fields('query'), {
    requiredKeys: all('query')
      .filter(({ required }) => required)
      .map(({ name }) => name),
  });
  const schema = Object.values(operation.requestBody?.content ?? {})[0]?.schema;
  const right = schema ? arbitraryOf(schema, world) : fc.constant(undefined);
  const wrong = schema ? spoiled(right) : fc.constant(undefined);
  const body = fc.oneof({ weight: 3, arbitrary: right }, { weight: 2, arbitrary: wrong });
  return fc.record({ params, query, body }).map((shot) => ({
    method,
    path: `${filled(path, shot.params)}${searchOf(shot.query)}`,
    body: shot.body,
  }));
}

function filled(path: string, params: Record<string, unknown>): string {
  return path.replace(
    /\{(\w+)\}/g,
    (_, name: string) => encodeURIComponent(Buffer.from(String(params[name])).toString()) || '%20',
  );
}

function searchOf(query: Record<string, unknown>): string {
  const pairs = Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]);
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs)}`;
}

type Check = (schema: JsonSchema, body: unknown) => string | null;

function faultOf(operation: Operation, answer: Pick<Answer, 'status' | 'headers' | 'text' | 'json'>, check: Check) {
  const { status, headers, text, json } = answer;
  const declared = operation.responses[status];
  if (status >= 500 && !(json?.code === 'FORGE_TROUBLE' && declared)) return `${status}: ${text.slice(0, 1_000)}`;
  if (declared === undefined) return `${status} is not declared: ${text.slice(0, 500)}`;
  const type = headers.get('content-type')?.split(';')[0] ?? '';
  if (declared.content === undefined) return text === '' ? null : `${status} must have no body`;
  const schema = declared.content[type]?.schema;
  if (schema === undefined) return `${status} with the type "${type}" is not declared`;
  return json === null ? null : check(schema, json);
}

function makeValidator(document: ApiDocument): Check {
  const ajv = new Ajv2020.default({ strict: false });
  addFormats.default(ajv);
  ajv.addSchema({ $id: 'doc', components: document.components });
  const compiled = new Map<string, ReturnType<typeof ajv.compile>>();
  return (schema, body) => {
    const text = JSON.stringify(schema).replaceAll('"#/components/', '"doc#/components/');
    const fits = compiled.get(text) ?? ajv.compile(JSON.parse(text));
    compiled.set(text, fits);
    return fits(body) ? null : `the body is not as declared: ${ajv.errorsText(fits.errors)}`;
  };
}
