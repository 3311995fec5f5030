import express, { type Router } from 'express';
import type { Db } from '../db/connect.ts';
import { problem } from '../errors.ts';
import { requireOrganization } from '../forge/forge-reads.ts';
import { builtKit } from '../releases/kits.ts';
import { PLATFORMS } from '../releases/release.ts';

/** `/kits/{org}/joomla.zip` and `/kits/{org}/dolibarr.zip`: for vendors to ship and for site owners to install. No key is in them. */
export function kitRouter({ db, config }: { db: Db; config: { publicUrl: string } }): Router {
  const router = express.Router();
  router.get('/kits/:organization/:file', async (req, res) => {
    const platform = PLATFORMS.find((each) => `${each}.zip` === req.params.file);
    if (!platform) throw problem('NOT_FOUND');
    const organization = await requireOrganization(db, req.params.organization);
    const kit = await builtKit(platform, config.publicUrl, organization);
    res.set('content-disposition', `attachment; filename="${kit.fileName}"`).type('application/zip').send(kit.bytes);
  });
  return router;
}
