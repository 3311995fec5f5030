import { STATUS_CODES } from 'node:http';
import { z } from 'zod';
import { roleInWords } from '../accounts/role.ts';
import { scopeInWords } from '../accounts/scope.ts';
import { PROBLEMS, type ProblemCode } from '../errors.ts';
import { type Examples, withExample } from './openapi-examples.ts';
import { type OutgoingEvent, webhooksSection } from './openapi-webhooks.ts';
import { PROBLEM_TYPE } from './problem.ts';
import { type Route, route } from './route.ts';
import { isStreamAnswer } from './stream.ts';

type Json = Record<string, unknown>;

export interface ApiInfo {
  version: string;
  publicUrl: string | null;
  examples?: Examples;
  /** What is sent to receivers. */
  events?: readonly OutgoingEvent[];
}

const ALWAYS: readonly ProblemCode[] = ['INVALID_REQUEST'];
const WITH_TOKEN: readonly ProblemCode[] = ['UNAUTHENTICATED', 'FORBIDDEN', 'RATE_LIMITED'];
const WITH_BODY: readonly ProblemCode[] = ['BODY_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'];
const WITH_MATCH: readonly ProblemCode[] = ['PRECONDITION_FAILED'];
const WITH_KEY: readonly ProblemCode[] = ['IDEMPOTENCY_IN_FLIGHT', 'IDEMPOTENCY_KEY_CONFLICT'];

const DESCRIPTION = `Times are RFC 3339 in UTC, unlimited is null, and money is in minor units. An error is a problem (RFC 9457)
with a stable \`code\` and the \`request_id\` of the header \`X-Request-Id\`. Lists take \`limit\` and \`cursor\` and name the next
page in \`next_cursor\` and in the header \`Link\`. A GET carries an \`ETag\` and answers 304 to \`If-None-Match\`. Ignore fields
and enum values that you do not know.`;

const KEY_HEADER = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description: `Makes it safe to send the request again: the reply is kept for 24 hours and repeated with the header
Idempotent-Replayed, without keys and secrets that cannot be read again. 1 to 255 printable ASCII characters, bare or quoted.`,
  schema: { type: 'string', minLength: 1, maxLength: 257 },
};

const MATCH_HEADER = {
  name: 'If-Match',
  in: 'header',
  required: false,
  description: 'The `ETag` of the GET before: the change is refused with 412 where it was changed meanwhile.',
  schema: { type: 'string' },
};

const PROBLEM_SCHEMA = {
  type: 'object',
  required: ['type', 'title', 'status', 'code', 'detail', 'errors', 'request_id'],
  properties: {
    type: { type: 'string', description: 'A page about this code' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', description: 'Stable; more may come', examples: ['INVALID_REQUEST'] },
    detail: { type: 'string' },
    used: { type: 'integer', description: 'Of SITE_LIMIT: how many sites count' },
    max: { type: ['integer', 'null'], description: 'Of SITE_LIMIT: how many may' },
    activations: {
      type: 'array',
      description: 'Of SITE_LIMIT: the sites, their names masked, those silent the longest first',
      items: { type: 'object' },
    },
    release_url: { type: ['string', 'null'], description: 'Of SITE_LIMIT: where one is released' },
    next_at: {
      type: 'string',
      format: 'date-time',
      description: 'Of TRANSFER_LIMIT: when the next site can be released',
    },
    errors: {
      type: 'array',
      description: 'Wrong fields: a JSON pointer into the body, or /query/NAME, /path/NAME, /header/NAME',
      items: {
        type: 'object',
        required: ['pointer', 'detail'],
        properties: { pointer: { type: 'string' }, detail: { type: 'string' } },
      },
    },
    request_id: { type: 'string' },
  },
};

/** The OpenAPI 3.1 document of the routes, made of the very schemas that validate. Same routes, same document, byte for byte. */
export function openapiDocument(routes: readonly Route[], info: ApiInfo): Json {
  const schemas = new Map<string, Json>([['Problem', PROBLEM_SCHEMA]]);
  const paths: Record<string, Json> = {};
  const byPath = [...routes].sort((a, b) => compare(a.path, b.path) || compare(a.method, b.method));
  for (const each of byPath) {
    paths[each.path] = {
      ...paths[each.path],
      [each.method]: withExample(operation(each, schemas), info.examples?.[each.operationId]),
    };
  }
  const { events = [] } = info;
  const webhooks = webhooksSection(events, (schema) => jsonSchema(schema, 'output', schemas));
  return {
    openapi: '3.1.0',
    info: { title: 'Feedgate', version: info.version, description: DESCRIPTION.replaceAll('\n', ' ') },
    servers: [{ url: (info.publicUrl ?? '').replace(/\/+$/, '') || '/' }],
    tags: [...new Set([...byPath.map(({ tag }) => tag), ...(events.length > 0 ? ['events'] : [])])]
      .sort(compare)
      .map((name) => ({ name })),
    paths,
    ...(events.length > 0 ? { webhooks } : {}),
    components: {
      schemas: Object.fromEntries([...schemas].sort(([a], [b]) => compare(a, b))),
      securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'An API token, fgt_…' } },
    },
  };
}

/** The route that serves the document of `routes` and of itself. */
export function openapiRoute(routes: readonly Route[], info: ApiInfo): Route {
  let document: Json | null = null;
  const own: Route = route({
    method: 'get',
    path: '/api/openapi.json',
    operationId: 'getOpenapi',
    summary: 'This document',
    tag: 'meta',
    scope: 'public',
    role: null,
    answers: { 200: z.looseObject({}) },
    async handler() {
      document ??= openapiDocument([...routes, own], info);
      return { status: 200, body: document };
    },
  });
  return own;
}

function operation(each: Route, schemas: Map<string, Json>): Json {
  const isPublic = each.scope === 'public';
  const access = accessInWords(each);
  const keyed = each.method === 'post' && !isPublic;
  return {
    operationId: each.operationId,
    summary: each.summary,
    description: [each.description, access].filter(Boolean).join('\n\n'),
    tags: [each.tag],
    security: isPublic ? [] : [{ token: [] }],
    parameters: [
      ...parameters(each.params, 'path', schemas),
      ...parameters(each.query, 'query', schemas),
      ...(keyed ? [{ ...KEY_HEADER, description: KEY_HEADER.description.replaceAll('\n', ' ') }] : []),
      ...(each.conditional ? [MATCH_HEADER] : []),
    ],
    ...(each.hasBody ? { requestBody: requestBody(each.body, schemas) } : {}),
    responses: { ...answers(each, schemas), ...refusals(each, keyed) },
  };
}

function accessInWords({ scope, role }: Route): string {
  if (scope === 'public' || role === null) return 'Needs no token.';
  const token = scope === 'any' ? 'any API token' : `an API token with the scope \`${scope}\` (${scopeInWords(scope)})`;
  const bound = role === 'site_admin' ? ', bound to no organization' : '';
  if (role === 'self') return 'For any API token or signed-in person, about itself or himself.';
  return `For ${token}${bound}, or a person who is ${roleInWords(role)}.`;
}

function parameters(shape: z.ZodObject, place: 'path' | 'query', schemas: Map<string, Json>): Json[] {
  const { properties = {}, required = [] } = jsonSchema(shape, 'input', schemas) as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema,
  }));
}

function requestBody(body: z.ZodType, schemas: Map<string, Json>): Json {
  const required = !body.safeParse({}).success;
  return { required, content: { 'application/json': { schema: jsonSchema(body, 'input', schemas) } } };
}

function answers(each: Route, schemas: Map<string, Json>): Json {
  const all = Object.entries(each.answers).map(([status, schema]) => {
    const content = isStreamAnswer(schema)
      ? Object.fromEntries(schema.contentTypes.map((type) => [type, { schema: streamSchema(type) }]))
      : schema && { 'application/json': { schema: jsonSchema(schema, 'output', schemas) } };
    return [status, { description: STATUS_CODES[status] ?? status, ...(content ? { content } : {}) }];
  });
  return Object.fromEntries(all);
}

/** What is sent in pieces is text, or JSON: rows, or an object with lists of rows. */
function streamSchema(contentType: string): Json {
  return contentType === 'application/json'
    ? { type: ['array', 'object'], items: { type: 'object' } }
    : { type: 'string' };
}

function refusals(each: Route, keyed: boolean): Json {
  const codes = new Set([
    ...ALWAYS,
    ...(each.scope === 'public' ? [] : WITH_TOKEN),
    ...(each.hasBody ? WITH_BODY : []),
    ...(keyed ? WITH_KEY : []),
    ...(each.conditional ? WITH_MATCH : []),
    ...each.problems,
  ]);
  const byStatus = new Map<number, string[]>();
  for (const code of [...codes].sort(compare)) {
    const [status, title] = PROBLEMS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), `\`${code}\`: ${title}`]);
  }
  const content = { [PROBLEM_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } };
  const told = [...byStatus].map(([status, lines]) => [status, { description: lines.join('; '), content }]);
  return { ...Object.fromEntries(told), default: { description: 'Any other problem', content } };
}

/**
 * A schema without tricks. What has an id (`.meta({ id: 'License' })`) stands once among the components; as part of an input it is
 * another schema (defaults, closed objects) and is called `LicenseInput`.
 */
function jsonSchema(schema: z.ZodType, io: 'input' | 'output', schemas: Map<string, Json>): Json {
  const suffix = io === 'input' ? 'Input' : '';
  const made = z.toJSONSchema(schema, { io, override: ({ jsonSchema }) => simplify(jsonSchema, io) });
  const text = JSON.stringify(made).replace(/"#\/\$defs\/([^"]+)"/g, `"#/components/schemas/$1${suffix}"`);
  const { $schema: _, $defs = {}, ...plain } = JSON.parse(text) as Json & { $defs?: Record<string, Json> };
  for (const [id, { id: _id, ...json }] of Object.entries($defs)) {
    const name = id + suffix;
    const known = schemas.get(name);
    if (known && JSON.stringify(known) !== JSON.stringify(json)) throw new Error(`two schemas have the id ${name}`);
    schemas.set(name, json);
  }
  return plain;
}

/** The pattern behind a format is noise to readers and generators; answers stay open, since fields may be added to them. */
function simplify(schema: Json, io: 'input' | 'output'): void {
  if (schema['format'] !== undefined) delete schema['pattern'];
  if (io === 'output' && schema['additionalProperties'] === false) delete schema['additionalProperties'];
}

/** By code unit, so that the locale of the machine does not change the document. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
