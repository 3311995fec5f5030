import { indentAt, lineEndOf, maskPhp } from '../../src/moving/php-mask.ts';
import type { ArchiveView, DolibarrFacts, PackageFacts } from '../../src/releases/release.ts';
import type { MovePlan, Mover, MoveWish } from '../../src/updates/mover.ts';

export const dolibarrMover: Mover = {
  platform: 'dolibarr',
  document: 'dolibarr.txt',
  isSame: (a, b) => dolibarrFacts(a).module === dolibarrFacts(b).module,
  asks(facts) {
    const { urlLastVersion } = dolibarrFacts(facts);
    return urlLastVersion === null ? [] : [urlLastVersion.replace(/[?*].*$/s, '')];
  },
  move,
};

/** Puts `url_last_version` into the constructor of the module's descriptor, or changes the one that is there. */
async function move(source: ArchiveView, wish: MoveWish): Promise<MovePlan> {
  const facts = dolibarrFacts(wish.facts);
  const nothing: MovePlan = { edits: [], remarks: [], oldUrls: [], place: null };
  const value = addressIn(facts, wish);
  const byHand = `put this line into the constructor of ${facts.className} by hand: $this->url_last_version = ${value};`;
  const wanted = `core/modules/${facts.className}.class.php`.toLowerCase();
  const found = source.files.filter(
    ({ path }) => path.toLowerCase() === wanted || path.toLowerCase().endsWith(`/${wanted}`),
  );
  const [file, ...twins] = found;
  if (file === undefined || twins.length > 0) {
    const what = file === undefined ? 'No' : 'More than one';
    return { ...nothing, remarks: [`${what} descriptor ${wanted} was found on the branch; ${byHand}`] };
  }
  const text = Buffer.from(await source.read(file.path)).toString('latin1');
  const masked = maskPhp(text);
  if (masked === null) return { ...nothing, remarks: [`${file.path} holds no PHP; ${byHand}`] };
  const place = file.path;
  if (/\bfeedgateInit\s*\(/.test(masked)) return { ...nothing, place, remarks: [] };
  const edited = withAddress(text, masked, value);
  if (edited === null)
    return { ...nothing, place, remarks: [`${file.path} has no version to put the address behind; ${byHand}`] };
  const oldUrls =
    facts.urlLastVersion === null || facts.urlLastVersion.startsWith(wish.feedUrl) ? [] : [facts.urlLastVersion];
  if (edited === text) return { ...nothing, place };
  const remarks = wish.needsKey
    ? [
        `Customers type the key on the setup page of the module: it needs a field for the constant ${constantOf(facts)}. The client kit brings one.`,
      ]
    : [];
  const done = [`asks ${wish.feedUrl} for its newest version`];
  const bytes = (content: string) => Buffer.from(content, 'latin1');
  return { edits: [{ path: place, before: bytes(text), after: bytes(edited), done }], remarks, oldUrls, place };
}

function dolibarrFacts(facts: PackageFacts): DolibarrFacts {
  if (facts.platform !== 'dolibarr') throw new TypeError(`Dolibarr's mover was given facts of ${facts.platform}`);
  return facts;
}

function constantOf({ module }: DolibarrFacts): string {
  return `${module.toUpperCase().replace(/[^A-Z0-9_]/g, '_')}_LICENSE_KEY`;
}

/** As PHP; `getDolGlobalString` is there from Dolibarr 15 on. */
function addressIn(facts: DolibarrFacts, { feedUrl, needsKey }: MoveWish): string {
  const url = `'${feedUrl.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}`;
  if (!needsKey) return `${url}?domain='.urlencode(DOL_MAIN_URL_ROOT)`;
  return `${url}?key='.urlencode(getDolGlobalString('${constantOf(facts)}')).'&domain='.urlencode(DOL_MAIN_URL_ROOT)`;
}

/** The last value that is assigned counts, so that is the one which changes. */
function withAddress(text: string, masked: string, value: string): string | null {
  const assigned = [...masked.matchAll(/\$this->url_last_version\s*=(?!=)/g)].at(-1);
  if (assigned) {
    // In the masked text a string is blank too, so the first sign of the value is looked for in the real one.
    const after = assigned.index + assigned[0].length;
    const start = after + (/^\s*/.exec(text.slice(after))?.[0].length ?? 0);
    const end = masked.indexOf(';', start);
    return end === -1 ? null : text.slice(0, start) + value + text.slice(end);
  }
  const version = [...masked.matchAll(/\$this->version\s*=(?!=)/g)].at(-1);
  const end = version ? masked.indexOf(';', version.index) : -1;
  if (version === undefined || end === -1) return null;
  const line = `${lineEndOf(text)}${indentAt(text, version.index)}$this->url_last_version = ${value};`;
  return text.slice(0, end + 1) + line + text.slice(end + 1);
}
