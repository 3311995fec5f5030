import { createHash } from 'node:crypto';
import type { Request, Response } from 'express';
import express from 'express';
import type { z } from 'zod';
import { type FieldError, problem } from '../errors.ts';
import { fieldErrors, type Place, pointerSegment } from '../field-errors.ts';
import { requestProblem } from './issues.ts';

const DEPTH_LIMIT = 32;
const NUL = 'holds the character U+0000';

const utf8 = new TextDecoder('utf-8', { fatal: true });

export interface RawInput {
  params: Record<string, unknown>;
  query: Record<string, unknown>;
  body: unknown;
}

export interface InputSchemas {
  params: z.ZodObject;
  query: z.ZodObject;
  body: z.ZodType;
  /** The most bytes that a body may have. */
  bodyLimit: number;
}

/**
 * Reads and checks a request whole, so that all wrong fields are told at once. Throws BODY_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE,
 * INVALID_REQUEST and WRONG_ID_KIND. `fingerprint` is the same for requests that ask the same.
 */
export async function readInput(
  req: Request,
  res: Response,
  schemas: InputSchemas,
): Promise<{ input: RawInput; fingerprint: string }> {
  const hasBody = req.method !== 'GET' && req.method !== 'HEAD';
  const bytes = hasBody ? await bodyBytes(req, res, schemas.bodyLimit) : Buffer.alloc(0);
  const query = queryValues(req.originalUrl);
  const raw: RawInput = { params: { ...req.params }, query, body: hasBody ? parseBody(bytes) : {} };
  refuseUnstorable(raw);
  const parts = [
    ['/path', raw.params, schemas.params.safeParse(raw.params)],
    ['/query', raw.query, schemas.query.safeParse(raw.query)],
    ['', raw.body, schemas.body.safeParse(raw.body)],
  ] as const satisfies readonly (readonly [Place, unknown, unknown])[];
  const issues = parts.flatMap(([, , read]) => read.error?.issues ?? []);
  if (issues.length > 0) {
    const errors = parts.flatMap(([place, input, read]) => fieldErrors(read.error?.issues ?? [], input, place));
    throw requestProblem(issues, errors);
  }
  const [params, queryRead, body] = parts;
  return {
    input: {
      params: params[2].data as RawInput['params'],
      query: queryRead[2].data as RawInput['query'],
      body: body[2].data,
    },
    fingerprint: createHash('sha256').update(`${req.method} ${req.originalUrl}\n`).update(bytes).digest('hex'),
  };
}

/** Each name once: `?a=1&a=2` has no one meaning. */
function queryValues(url: string): Record<string, string> {
  const at = url.indexOf('?');
  const values = new Map<string, string>();
  const errors: FieldError[] = [];
  for (const [name, value] of new URLSearchParams(at < 0 ? '' : url.slice(at + 1))) {
    if (values.has(name)) errors.push({ pointer: `/query${pointerSegment(name)}`, detail: 'is given more than once' });
    values.set(name, value);
  }
  if (errors.length > 0) throw requestProblem([], errors);
  return Object.fromEntries(values);
}

async function bodyBytes(req: Request, res: Response, limit: number): Promise<Buffer> {
  const length = req.headers['content-length'];
  const empty = req.headers['transfer-encoding'] === undefined && (length === undefined || length === '0');
  if (empty) return Buffer.alloc(0);
  if (!isJsonType(req.headers['content-type'])) {
    throw problem('UNSUPPORTED_MEDIA_TYPE', 'send the body as application/json in UTF-8');
  }
  const readRaw = express.raw({ type: () => true, limit, inflate: false });
  await new Promise<void>((resolve, reject) => {
    readRaw(req, res, (error?: unknown) => (error === undefined ? resolve() : reject(bodyProblem(error, limit))));
  });
  return Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0);
}

/** `application/json` and `application/…+json`; JSON is UTF-8 (RFC 8259, section 8.1). */
function isJsonType(header: string | undefined): boolean {
  const match = /^application\/(?:[\w.-]+\+)?json\s*(?:;\s*(.*))?$/i.exec(header ?? '');
  if (!match) return false;
  const charset = /charset\s*=\s*"?([^";\s]+)/i.exec(match[1] ?? '')?.[1];
  return charset === undefined || /^utf-?8$/i.test(charset);
}

function bodyProblem(error: unknown, limit: number) {
  const status = (error as { status?: unknown } | null)?.status;
  if (status === 413) return problem('BODY_TOO_LARGE', `a body may weigh at most ${limit / 1024} kB`);
  if (status === 415) return problem('UNSUPPORTED_MEDIA_TYPE', 'a compressed body is not read');
  return problem('INVALID_REQUEST', 'the body did not arrive whole');
}

/** No body at all counts as `{}`: an action without arguments needs none. */
function parseBody(bytes: Buffer): unknown {
  if (bytes.length === 0) return {};
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch (error) {
    const what = error instanceof SyntaxError ? 'valid JSON' : 'valid UTF-8';
    throw problem('INVALID_REQUEST', `the body is not ${what}`, {
      errors: [{ pointer: '', detail: `is not ${what}` }],
    });
  }
}

/** PostgreSQL cannot store U+0000 in a text, and no name or note needs it; nor does any body of ours go deep. */
function refuseUnstorable({ params, query, body }: RawInput): void {
  const errors: FieldError[] = [];
  const look = (value: unknown, pointer: string, depth: number): void => {
    if (typeof value === 'string' && value.includes('\0')) errors.push({ pointer, detail: NUL });
    if (typeof value !== 'object' || value === null) return;
    if (depth === DEPTH_LIMIT) return void errors.push({ pointer, detail: 'is nested too deeply' });
    for (const [key, inner] of Object.entries(value)) {
      if (key.includes('\0')) errors.push({ pointer, detail: NUL });
      look(inner, pointer + pointerSegment(key), depth + 1);
    }
  };
  look(params, '/path', 0);
  look(query, '/query', 0);
  look(body, '', 0);
  if (errors.length > 0) throw requestProblem([], errors);
}
