import express, { type RequestHandler, type Router } from 'express';
import { problem } from '../errors.ts';
import { type ProblemDeps, problemHandler } from '../http/problem.ts';
import { absoluteManifest } from '../plugin-manifest.ts';
import { type HookDeps, receiveHook, requireHookedForge } from './hooks.ts';

/** GitHub sends at most 25 MB. */
const MAX_MEGABYTES = 25;

const readRaw = express.raw({ type: () => true, limit: MAX_MEGABYTES * 2 ** 20, inflate: false });

/** `POST /hooks/{forge_id}`: raw bytes in, 202 out once the delivery is stored. And `/plugin-manifest.json`. */
export function hookRouter(deps: HookDeps & Pick<ProblemDeps, 'log'>): Router {
  const router = express.Router();
  // Nobody who does not know the address of a forge makes us read a body.
  const admit: RequestHandler = async (req, _res, next) => {
    await requireHookedForge(deps, String(req.params['forgeId']));
    next();
  };
  router.post('/hooks/:forgeId', requireJson, admit, readBody, async (req, res) => {
    const body = Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0);
    const received = await receiveHook(deps, String(req.params['forgeId']), body, req.headers);
    res
      .status(202)
      .json(received.detail === '' ? { state: received.state } : { state: received.state, detail: received.detail });
  });
  router.all('/hooks/:forgeId', (_req, res) => {
    res.setHeader('Allow', 'POST');
    throw problem('METHOD_NOT_ALLOWED', 'a forge sends its deliveries here, by POST');
  });
  router.use('/hooks', problemHandler(deps));
  router.get('/plugin-manifest.json', (_req, res) => {
    res.json(absoluteManifest(deps.publicUrl));
  });
  return router;
}

const requireJson: RequestHandler = (req, _res, next) => {
  if (!/^application\/json\b/i.test(req.headers['content-type'] ?? ''))
    throw problem('UNSUPPORTED_MEDIA_TYPE', 'register the hook with content type application/json');
  next();
};

const readBody: RequestHandler = (req, res, next) => {
  readRaw(req, res, (error?: unknown) => next(error === undefined ? undefined : bodyProblem(error)));
};

function bodyProblem(error: unknown) {
  const status = error instanceof Error && 'status' in error ? error.status : null;
  if (status === 413) return problem('BODY_TOO_LARGE', `a delivery may weigh at most ${MAX_MEGABYTES} MB`);
  if (status === 415) return problem('UNSUPPORTED_MEDIA_TYPE', 'a compressed body is not read');
  return problem('INVALID_REQUEST', 'the body did not arrive whole');
}
