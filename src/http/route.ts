import { z } from 'zod';
import type { Actor } from '../accounts/actor.ts';
import type { SignedIn } from '../accounts/person.ts';
import type { Scope } from '../accounts/scope.ts';
import type { ProblemCode } from '../errors.ts';
import type { RouteRole } from './actor.ts';
import type { RawInput } from './input.ts';
import { isStreamAnswer, type StreamAnswer, type StreamBody } from './stream.ts';

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';
/** The scope that a token needs. `any`: every token, for what holds no customer's data. `public`: no caller, and no actor. */
export type Access = Scope | 'any' | 'public';
/** Status codes with the schema of their body, or `streamOf(…)` for one that is sent in pieces; null: no body. */
export type Answers = Readonly<Record<number, z.ZodType | StreamAnswer | null>>;

/** What a handler knows beside its input. */
export interface Context<S extends Access = Access> {
  actor: S extends 'public' ? null : Actor;
  /** Who is signed in; null: a token calls, or nobody. */
  person: SignedIn | null;
  requestId: string;
  /** When the request came in, ms UTC. */
  now: number;
  /** As sent with a POST that needs a scope; else null. */
  idempotencyKey: string | null;
  /** The header `If-Match` of a request to a route that takes it; else null. */
  ifMatch: string | null;
  /** Whose page asks, as the browser says it; null: no page of another address. */
  origin: string | null;
  /** The caller's network (/24 or /48), the only trace of its address that may be kept. */
  network: string;
}

/** The most that a body may weigh, unless its route says otherwise. */
const BODY_LIMIT_BYTES = 256 * 1024;

const NOTHING = z.strictObject({});
type Nothing = typeof NOTHING;

type ReplyOf<A extends Answers> = {
  [S in keyof A & number]: A[S] extends z.ZodType
    ? { status: S; body: z.input<A[S]>; headers?: Record<string, string> }
    : A[S] extends StreamAnswer
      ? { status: S; stream: StreamBody; headers?: Record<string, string> }
      : { status: S; headers?: Record<string, string> };
}[keyof A & number];

/** A route as it is written down: input and answer of its handler are typed by its schemas. */
export interface RouteSpec<
  S extends Access,
  P extends z.ZodObject,
  Q extends z.ZodObject,
  B extends z.ZodType,
  A extends Answers,
> {
  method: Method;
  /** With parameters in braces: `/api/v1/organizations/{organization}/licenses/{id}`. */
  path: `/api/${string}`;
  /** Unique and for ever: generated clients name their functions after it. */
  operationId: string;
  summary: string;
  description?: string;
  tag: string;
  scope: S;
  /**
   * What a person needs to be in the place that the path names; of a token `site_admin` asks that it is bound to nothing. `self`:
   * the route is about whoever calls it, and about nobody else.
   */
  role: S extends 'public' ? null : RouteRole;
  params?: P;
  /** Each parameter at most once; unknown ones are refused. */
  query?: Q;
  /** Objects in it must be z.strictObject, so that a mistyped field is refused and not ignored. */
  body?: B;
  answers: A;
  /** Pages of sellers may ask it from their own address (CORS); which of them, the handler decides by `origin`. */
  crossOrigin?: true;
  /** Takes `If-Match`: the handler asks `requireMatch` in the transaction that writes. */
  conditional?: true;
  /** Problems of this route beside those that every route may have; for the document. */
  problems?: readonly ProblemCode[];
  /** JSON pointers (`*` for every item of a list) to what must not be stored with a kept reply: keys, tokens, secrets. */
  secretFields?: readonly string[];
  /** The most bytes that a body may have; 256 kB where nothing is said. */
  bodyLimit?: number;
  /** Puts back what `secretFields` took away, where it can be read again; without it a repeated reply lacks those fields. */
  refill?(stored: unknown, context: Context<S>): Promise<unknown>;
  handler(
    input: { params: z.output<P>; query: z.output<Q>; body: z.output<B> },
    context: Context<S>,
  ): Promise<ReplyOf<NoInfer<A>>>;
}

/** A route as data: whatever its types, it can be mounted and documented. */
export interface Route {
  method: Method;
  path: string;
  operationId: string;
  summary: string;
  description: string;
  tag: string;
  scope: Access;
  role: RouteRole | null;
  params: z.ZodObject;
  query: z.ZodObject;
  body: z.ZodType;
  hasBody: boolean;
  answers: Answers;
  crossOrigin: boolean;
  conditional: boolean;
  problems: readonly ProblemCode[];
  secretFields: readonly string[];
  bodyLimit: number;
  refill: ((stored: unknown, context: Context) => Promise<unknown>) | null;
  handler(
    input: RawInput,
    context: Context,
  ): Promise<{ status: number; body?: unknown; stream?: StreamBody; headers?: Record<string, string> }>;
}

/** Checks the types of a route and gives it back as data. Throws at start when it is not written as RouteSpec says. */
export function route<
  S extends Access,
  A extends Answers,
  P extends z.ZodObject = Nothing,
  Q extends z.ZodObject = Nothing,
  B extends z.ZodType = Nothing,
>(spec: RouteSpec<S, P, Q, B, A>): Route {
  const body = spec.body ?? NOTHING;
  if (!isStrict(z.toJSONSchema(body, { io: 'input' }))) {
    throw new Error(`the body of ${spec.operationId} holds an object that is not strict`);
  }
  if (spec.method !== 'get' && Object.values(spec.answers).some(isStreamAnswer)) {
    throw new Error(`${spec.operationId} answers with a stream, which only a GET may: no reply of it could be kept`);
  }
  // The handler is only ever called with what these very schemas gave, so that its narrower types hold.
  const { handler, refill = null } = spec as unknown as Pick<Route, 'handler'> & Partial<Pick<Route, 'refill'>>;
  return {
    method: spec.method,
    path: spec.path,
    operationId: spec.operationId,
    summary: spec.summary,
    description: spec.description ?? '',
    tag: spec.tag,
    scope: spec.scope,
    role: spec.role,
    params: (spec.params ?? NOTHING).strict(),
    query: (spec.query ?? NOTHING).strict(),
    body,
    hasBody: spec.body !== undefined,
    answers: spec.answers,
    crossOrigin: spec.crossOrigin ?? false,
    conditional: spec.conditional ?? false,
    problems: spec.problems ?? [],
    secretFields: spec.secretFields ?? [],
    bodyLimit: spec.bodyLimit ?? BODY_LIMIT_BYTES,
    refill,
    handler,
  };
}

/** In a schema of an input every object with named fields must say what becomes of others. */
function isStrict(schema: unknown): boolean {
  if (Array.isArray(schema)) return schema.every(isStrict);
  if (typeof schema !== 'object' || schema === null) return true;
  const open = 'type' in schema && schema.type === 'object' && !('additionalProperties' in schema);
  return !open && Object.values(schema).every(isStrict);
}
