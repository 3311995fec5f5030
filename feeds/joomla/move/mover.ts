import { ForgeTrouble } from '../../../src/errors.ts';
import type { ArchiveView, JoomlaFacts } from '../../../src/releases/release.ts';
import { parseXmlText, XML_SIZE_LIMIT } from '../../../src/releases/safe-xml.ts';
import type { FileEdit, MovePlan, Mover, MoveWish } from '../../../src/updates/mover.ts';
import { joomlaFacts } from '../facts.ts';
import { identityOf, typeOf } from '../manifest-identity.ts';
import { editManifest, scriptFileOf, serversOf } from './manifest-edit.ts';
import { editScript } from './script-edit.ts';
import { moveMethod, newScript } from './script-snippet.ts';

/** Sources hold far fewer manifests, and each file is a request: the rest of a large repository is not read. */
const MOST_XML = 200;
/** Folders of an extension in which XML files are anything but manifests. */
const NO_MANIFESTS = /(?:^|\/)(?:languages?|tests?|vendor|node_modules|forms|sql|tmpl|layouts|docs?)\//;
const SCRIPT = 'script.php';

export const joomlaMover: Mover = {
  platform: 'joomla',
  document: 'updates.xml',
  isSame(first, second) {
    const [a, b] = [joomlaFacts(first), joomlaFacts(second)];
    return a.type === b.type && a.element === b.element && a.folder === b.folder && a.client === b.client;
  },
  asks: (facts) => joomlaFacts(facts).updateServers,
  move,
};

interface Found {
  path: string;
  text: string;
}

async function move(source: ArchiveView, wish: MoveWish): Promise<MovePlan> {
  const facts = joomlaFacts(wish.facts);
  const { own, others } = await manifestsIn(source, facts);
  const [manifest, ...twins] = own;
  const nothing = { edits: [], oldUrls: [], place: null };
  if (manifest === undefined)
    return {
      ...nothing,
      remarks: [`No manifest of ${facts.type} ${facts.element} was found on the branch; ${byHand(wish)}`],
    };
  if (twins.length > 0) {
    const paths = [manifest, ...twins].map(({ path }) => path).join(', ');
    return { ...nothing, remarks: [`Several files are a manifest of ${facts.element} (${paths}); ${byHand(wish)}`] };
  }
  const script = await planScript(source, manifest, facts, wish);
  const edited = editManifest(manifest.text, { ...wish, scriptFile: script.added });
  if (edited === null) return { ...nothing, remarks: [`${manifest.path} cannot be edited safely; ${byHand(wish)}`] };
  const edits: FileEdit[] = [];
  if (edited.text !== manifest.text) edits.push(editOf(manifest.path, manifest.text, edited.text, edited.done));
  edits.push(...script.edits);
  const remarks = [...script.remarks, ...childServers(facts, others, wish)];
  return { edits, remarks, oldUrls: edited.oldUrls, place: manifest.path };
}

function byHand({ feedUrl }: MoveWish): string {
  return `put <updateservers><server type="extension" name="…">${feedUrl}</server></updateservers> into it by hand.`;
}

/** Bytes are kept one to one, whatever encoding they are in: only ASCII is looked at and written. */
function editOf(path: string, before: string | null, after: string, done: string[]): FileEdit {
  return { path, before: before === null ? null : bytesOf(before), after: bytesOf(after), done };
}

function bytesOf(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}

async function textAt(source: ArchiveView, path: string): Promise<string | null> {
  try {
    const text = Buffer.from(await source.read(path)).toString('latin1');
    return text.includes('\0') ? null : text;
  } catch (error) {
    // Too large to be one; a forge that is away is no reason to say that there is none.
    if (error instanceof ForgeTrouble && error.reason !== 'refused') throw error;
    return null;
  }
}

/** Manifests of this very extension, and all others. Placeholders of a build leave type and name readable as a rule. */
async function manifestsIn(source: ArchiveView, facts: JoomlaFacts): Promise<{ own: Found[]; others: Found[] }> {
  const paths = source.files
    .filter(({ path, size }) => path.endsWith('.xml') && size <= XML_SIZE_LIMIT && !NO_MANIFESTS.test(path))
    .map(({ path }) => path)
    .sort((a, b) => a.split('/').length - b.split('/').length || (a < b ? -1 : 1));
  const own: Found[] = [];
  const others: Found[] = [];
  const doubtful: Found[] = [];
  for (const path of paths.slice(0, MOST_XML)) {
    const text = await textAt(source, path);
    if (text === null || !/<extension[\s>]/.test(text)) continue;
    const xml = parseXmlText(text.replace(/^\u00ef\u00bb\u00bf/, ''));
    if (!xml.ok || xml.root.name !== 'extension' || typeOf(xml.root) === undefined) continue;
    const identity = identityOf(xml.root, path);
    const isOwn =
      identity.ok &&
      identity.type === facts.type &&
      identity.element === facts.element &&
      identity.folder === facts.folder;
    if (isOwn) own.push({ path, text });
    else if (!identity.ok && typeOf(xml.root) === facts.type) doubtful.push({ path, text });
    else others.push({ path, text });
  }
  // A template whose very name is filled in by the build: the only one of its type can be no other.
  return own.length === 0 ? { own: doubtful, others } : { own, others: [...others, ...doubtful] };
}

interface ScriptPlan {
  edits: FileEdit[];
  remarks: string[];
  /** The file that the manifest is to name; null: none, or it names one. */
  added: string | null;
}

async function planScript(
  source: ArchiveView,
  manifest: Found,
  facts: JoomlaFacts,
  wish: MoveWish,
): Promise<ScriptPlan> {
  const none: ScriptPlan = { edits: [], remarks: [], added: null };
  if (facts.type === 'language')
    return { ...none, remarks: ['Joomla runs no script for a language; keys have to be typed anew.'] };
  const snippet = { identity: facts, feedUrl: wish.feedUrl };
  const folder = manifest.path.slice(0, manifest.path.lastIndexOf('/') + 1);
  const named = scriptFileOf(manifest.text);
  if (named === undefined) return none;
  if (named === null) return newFile(source, folder, newScript(snippet));
  const path = scriptPath(source, folder, named);
  const before = path === null ? null : await textAt(source, path);
  const lines = `this method, called first in postflight:\n\n${fenced(moveMethod(snippet))}`;
  if (path === null || before === null)
    return { ...none, remarks: [`The script file ${named} was not found on the branch; it should get ${lines}`] };
  const edited = editScript(before, moveMethod(snippet));
  if (!edited.ok)
    return { ...none, remarks: [`${path} was not changed, because ${edited.why}; it should get ${lines}`] };
  if (edited.text === before) return none;
  return {
    ...none,
    edits: [editOf(path, before, edited.text, ['takes the key of a site along and removes the old update server'])],
  };
}

function newFile(source: ArchiveView, folder: string, text: string): ScriptPlan {
  const isTaken = source.files.some(({ path }) => path === folder + SCRIPT);
  const name = isTaken ? 'feedgate-script.php' : SCRIPT;
  if (source.files.some(({ path }) => path === folder + name)) return { edits: [], remarks: [], added: name };
  const done = ['takes the key of a site along and removes the old update server (new file)'];
  const remarks = [`See that your build puts ${folder}${name} into the zip, beside the manifest.`];
  return { edits: [editOf(folder + name, null, text, done)], remarks, added: name };
}

/** Beside the manifest; else the only file of that name. */
function scriptPath(source: ArchiveView, folder: string, named: string): string | null {
  if (source.files.some(({ path }) => path === folder + named)) return folder + named;
  const base = named.slice(named.lastIndexOf('/') + 1);
  const all = source.files.filter(({ path }) => path === base || path.endsWith(`/${base}`));
  return all.length === 1 ? (all[0]?.path ?? null) : null;
}

function childServers(facts: JoomlaFacts, others: readonly Found[], { feedUrl }: MoveWish): string[] {
  if (facts.type !== 'package') return [];
  const naming = others.filter(({ text }) => serversOf(text).some((url) => url !== feedUrl)).map(({ path }) => path);
  if (naming.length === 0) return [];
  return [
    `Of a package only its own manifest should name an update server, but ${naming.join(', ')} do too: take it out there.`,
  ];
}

function fenced(lines: readonly string[]): string {
  return ['```php', ...lines, '```'].join('\n');
}
