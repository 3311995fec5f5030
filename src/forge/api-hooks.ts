import express, { type Router } from 'express';
import { problem } from '../errors.ts';
import { absoluteManifest } from '../plugin-manifest.ts';
import { type HookDeps, receiveHook } from './hooks.ts';

/** GitHub sends at most 25 MB. */
const MAX_BODY = '25mb';

/** `POST /hooks/{forge_id}`: raw bytes in, 202 out once the delivery is stored. And `/plugin-manifest.json`. */
export function hookRouter(deps: HookDeps): Router {
  const router = express.Router();
  router.post('/hooks/:forgeId', express.raw({ type: () => true, limit: MAX_BODY }), async (req, res) => {
    if (!/^application\/json\b/i.test(req.headers['content-type'] ?? ''))
      throw problem('UNSUPPORTED_MEDIA_TYPE', 'register the hook with content type application/json');
    const body = Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0);
    const received = await receiveHook(deps, String(req.params['forgeId']), body, req.headers);
    res
      .status(202)
      .json(received.detail === '' ? { state: received.state } : { state: received.state, detail: received.detail });
  });
  router.get('/plugin-manifest.json', (_req, res) => {
    res.json(absoluteManifest(deps.publicUrl));
  });
  return router;
}
