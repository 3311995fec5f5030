import { basename } from 'node:path';
import { z } from 'zod';
import { ForgeTrouble } from '../errors.ts';
import { forgeFetch } from '../forge/fetch.ts';
import { MODES } from '../licensing/verdict.ts';
import { matchesGlob } from '../releases/asset-choice.ts';
import type { LintFileWish } from '../releases/lint-file.ts';
import { PLATFORMS } from '../releases/release.ts';
import { type Call, required, textOf, UsageError } from './command.ts';
import { secretOf } from './session.ts';

const Products = z.object({
  items: z.array(
    z.object({
      path: z.string(),
      mode: z.enum(MODES),
      settings: z.object({
        assets: z.partialRecord(z.enum(PLATFORMS), z.string()),
        targets: z.partialRecord(
          z.enum(PLATFORMS),
          z.object({ min: z.string().nullable(), max: z.string().nullable() }),
        ),
      }),
    }),
  ),
});

/** A product as its server knows it, as far as a lint asks. */
export interface ServerProduct {
  path: string;
  url: string;
  mode: LintFileWish['mode'];
  assets: readonly string[];
  targets: LintFileWish['targets'];
}

/** The product and its editions on `--server`; empty: none is named. Throws UsageError where the server does not tell. */
export async function productsOnServer(call: Call): Promise<ServerProduct[]> {
  const server = textOf(call.values, 'server')?.replace(/\/+$/, '');
  if (server === undefined || server === '') return [];
  if (!URL.canParse(server)) throw new UsageError('--server is an address such as https://updates.example.com');
  const product = required(textOf(call.values, 'product'), '--product')
    .toLowerCase()
    .replace(/^\/+|\/+$/g, '');
  const token = await secretOf(call, 'token', 'FEEDGATE_TOKEN');
  if (token === undefined) throw new UsageError('--server needs a token: --token-file or FEEDGATE_TOKEN');
  const [organization = ''] = product.split('/');
  const address = `${server}/api/v1/organizations/${encodeURIComponent(organization)}/products?limit=200`;
  const { items } = Products.parse(await ask(server, address, token));
  const found = items.filter(({ path }) => path === product || path.startsWith(`${product}/`));
  if (found.length === 0) throw new UsageError(`${server} has no product ${product}`);
  return found.map(({ path, mode, settings }) => ({
    ...{ path, mode, targets: settings.targets },
    url: `${server}/${path}`,
    assets: Object.values(settings.assets),
  }));
}

async function ask(server: string, address: string, token: string): Promise<unknown> {
  const fetch = forgeFetch({ baseUrl: new URL(server).origin, token: null });
  try {
    const answer = await fetch(address, { headers: { authorization: `Bearer ${token}`, accept: 'application/json' } });
    if (!answer.ok) throw new UsageError(`${server} answered ${answer.status}: may the token see this organization?`);
    return await answer.json();
  } catch (error) {
    if (error instanceof ForgeTrouble) throw new UsageError(`${server} does not answer as it should: ${error.reason}`);
    throw error;
  }
}

/** What the server says of the product that a file is for: the edition whose pattern it fits, else the first. */
export function settingsFor(
  products: readonly ServerProduct[],
  file: string,
  wish: LintFileWish,
): Partial<LintFileWish> {
  const product =
    products.find(({ assets }) => assets.some((glob) => matchesGlob(glob, basename(file)))) ?? products[0];
  if (product === undefined) return {};
  const feedUrls = ['updates.xml', 'dolibarr.txt'].map((document) => `${product.url}/${document}`);
  return { mode: product.mode, feedUrls, targets: { ...product.targets, ...wish.targets } };
}
