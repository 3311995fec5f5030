import type { Core } from '../app.ts';
import { ForgeTrouble, Problem, problem } from '../errors.ts';
import { findRepositoryById } from '../forge/forge-reads.ts';
import { listProducts, requireProduct } from '../releases/product-reads.ts';
import { type Call, type Command, EXIT, flagOf, textOf, UsageError } from './command.ts';
import { withCore } from './session.ts';
import { type Synced, syncRepository, syncWords } from './sync-repository.ts';

export const productSync: Command = {
  name: 'product sync',
  summary: 'Reads the releases of a product from its forge now.',
  usage: '<product> | --org acme | --all',
  help: ['--org   every product of an organization', '--all   every product', 'Progress goes to stderr.'],
  options: { org: { type: 'string' }, all: { type: 'boolean' } },
  async run(call) {
    const org = textOf(call.values, 'org') ?? null;
    const [name] = call.positionals;
    if (name === undefined && org === null && !flagOf(call.values, 'all'))
      throw new UsageError('name a product, --org or --all');
    return withCore(call, 'publicUrl', async (core) => {
      const products = name === undefined ? await listProducts(core.db, org) : [await requireProduct(core.db, name)];
      const ids = [...new Set(products.flatMap(({ repositoryId }) => repositoryId ?? []))];
      if (ids.length === 0) throw problem('NOT_FOUND', 'there is no repository to read');
      const results: Result[] = [];
      for (const [i, id] of ids.entries()) results.push(await syncOne(core, call, id, `[${i + 1}/${ids.length}]`));
      call.io.json({ repositories: results });
      return results.every(({ error }) => error === null) ? EXIT.ok : EXIT.failed;
    });
  },
};

interface Result {
  repository: string;
  error: string | null;
  synced: Synced | null;
}

/** What fails for one repository does not stop the others. */
async function syncOne(core: Core, { io }: Call, id: string, place: string): Promise<Result> {
  const stored = await findRepositoryById(core.db, id);
  const repository = stored === null ? id : `${stored.owner}/${stored.name}`;
  if (stored === null) return { repository, error: 'it is gone', synced: null };
  io.note(`${place} ${repository}`);
  try {
    const synced = await syncRepository(core, io, stored);
    io.say(`${repository}: ${syncWords(synced)}`);
    return { repository, error: null, synced };
  } catch (error) {
    if (!(error instanceof ForgeTrouble) && !(error instanceof Problem)) throw error;
    io.note(`${repository}: ${error.message}`);
    return { repository, error: error.message, synced: null };
  }
}
