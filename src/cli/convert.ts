import { readFile, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { surveyors } from '../../feeds/index.ts';
import { ForgeTrouble } from '../errors.ts';
import { connectionOf } from '../forge/connections.ts';
import { findForgeByName } from '../forge/forge-reads.ts';
import { planMarkdown, planText, verdictOf } from '../moving/conversion-text.ts';
import { clonesIn, folderView, kindOfPath } from '../moving/folder-io.ts';
import type { ArchiveView } from '../releases/release.ts';
import type { OldFeed, SurveyedProduct } from '../updates/survey.ts';
import { type Call, type Command, EXIT, required, textOf, UsageError } from './command.ts';
import { fetchDocument } from './fetch-document.ts';
import { withCore } from './session.ts';

export const convert: Command = {
  name: 'convert',
  summary:
    'Plans a move: what sites are offered by the feeds that stand now, and what they will see once they are served here.',
  usage: '<updates.xml | folder | URL …> [--out plan.md] | --forge NAME --owner acme [repository …]',
  help: [
    'a file       an update feed, as it stands on a server or was exported from one',
    'a folder     a clone, or a folder of clones: manifests, descriptors and feeds in them',
    'a URL        an update feed that is fetched; everything else works without a network',
    '--list       a file with one of these a line; # begins a comment',
    '--forge      a connected forge, whose repositories are read; --owner, and all of them unless some are named',
    '--out        writes the plan as Markdown too',
  ],
  options: { list: { type: 'string' }, forge: { type: 'string' }, owner: { type: 'string' }, out: { type: 'string' } },
  async run(call) {
    const products = textOf(call.values, 'forge') === undefined ? await ofPlaces(call) : await ofForge(call);
    const out = textOf(call.values, 'out');
    if (out !== undefined) await writeFile(out, planMarkdown(products));
    call.io.json({ products: products.map((product) => ({ ...product, verdict: verdictOf(product) })) });
    call.io.say(planText(products));
    if (out !== undefined) call.io.note(`The plan was written to ${out}.`);
    return products.length === 0 ? EXIT.failed : EXIT.ok;
  },
};

async function survey(
  feeds: readonly OldFeed[],
  source: { name: string; view: ArchiveView } | null,
): Promise<SurveyedProduct[]> {
  const products: SurveyedProduct[] = [];
  for (const surveyor of surveyors) products.push(...(await surveyor.survey(feeds, source)));
  return products;
}

/** A single clone and feeds beside it belong together; else each stands for itself. */
async function ofPlaces(call: Call): Promise<SurveyedProduct[]> {
  const places = [...call.positionals, ...(await listed(call))];
  if (places.length === 0) throw new UsageError('name feeds or folders');
  const feeds: OldFeed[] = [];
  const folders: string[] = [];
  for (const place of places) {
    if (/^https?:\/\//i.test(place)) feeds.push(await fetchDocument(place));
    else if ((await kindOfPath(place)) === 'file') feeds.push({ from: place, bytes: await readFile(place) });
    else if ((await kindOfPath(place)) === 'folder') folders.push(...(await clonesIn(place)));
    else throw new UsageError(`${place} is not there`);
  }
  const [only, ...others] = folders;
  if (only !== undefined && others.length === 0)
    return survey(feeds, { name: basename(only), view: await folderView(only) });
  const products: SurveyedProduct[] = [];
  for (const folder of folders)
    products.push(...(await survey([], { name: basename(folder), view: await folderView(folder) })));
  for (const feed of feeds) products.push(...(await survey([feed], null)));
  return products;
}

async function listed({ values }: Call): Promise<string[]> {
  const path = textOf(values, 'list');
  if (path === undefined) return [];
  const text = await readFile(path, 'utf8').catch(() => {
    throw new UsageError(`--list ${path} cannot be read`);
  });
  return text
    .split(/\r?\n/)
    .map((line) => line.replace(/\s+#.*$|^#.*$/, '').trim())
    .filter((line) => line !== '');
}

async function ofForge(call: Call): Promise<SurveyedProduct[]> {
  const name = required(textOf(call.values, 'forge'), '--forge');
  const owner = required(textOf(call.values, 'owner'), '--owner');
  return withCore(call, 'database', async (core) => {
    const forge = await findForgeByName(core.db, name);
    if (forge === null) throw new UsageError(`there is no forge "${name}"`);
    const driver = core.forge.drivers[forge.kind];
    const connection = connectionOf(core.forge, forge);
    const all = await driver.repositories(connection, owner);
    const wanted = call.positionals.map((each) => each.replace(/^.*\//, '').toLowerCase());
    const missing = wanted.find((each) => !all.some((repository) => repository.name.toLowerCase() === each));
    if (missing !== undefined) throw new UsageError(`${owner} has no repository ${missing} that the token may see`);
    const products: SurveyedProduct[] = [];
    for (const repository of all) {
      if (wanted.length > 0 && !wanted.includes(repository.name.toLowerCase())) continue;
      const tree = await driver.tree(connection, repository, null);
      if (tree === null) continue;
      const view: ArchiveView = {
        files: tree.files,
        async read(path) {
          const bytes = await driver.readFile(connection, repository, tree.commit, path);
          if (bytes === null) throw new ForgeTrouble('bad_answer', `the forge does not give ${path}`);
          return bytes;
        },
      };
      products.push(...(await survey([], { name: `${owner}/${repository.name}`, view })));
    }
    return products;
  });
}
