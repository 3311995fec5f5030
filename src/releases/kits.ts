import { join } from 'node:path';
import { packageRoot } from '../package-root.ts';
import { buildKit } from '../updates/kit.ts';
import { readTemplate } from './kit-template-io.ts';
import type { Platform } from './release.ts';
import { zipBytes } from './zip-bytes-io.ts';

/** Counts up when a client kit changes; sites see it as the kit's own version. */
const KIT_VERSION = '1.0.0';

export interface BuiltKit {
  fileName: string;
  bytes: Buffer;
}

/** The installable client kit of a platform, named for the organization and with this server's address baked in. */
export async function builtKit(
  platform: Platform,
  publicUrl: string,
  organization: { slug: string; name: string },
): Promise<BuiltKit> {
  const template = await readTemplate(join(packageRoot, 'feeds', platform, 'client'));
  const kit = buildKit(template, {
    platform,
    serverUrl: publicUrl,
    organizationSlug: organization.slug,
    organizationName: organization.name,
    version: KIT_VERSION,
  });
  return { fileName: kit.fileName, bytes: await zipBytes(kit.files) };
}
