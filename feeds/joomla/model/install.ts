import { createHash } from 'node:crypto';
import type { UpdateRow } from './check.ts';
import { archiveKind, openPackage, packageFileName } from './package-file.ts';
import { type DetailsEntry, parseDetails, textOf } from './parse-details.ts';
import { ask, type Http, type JoomlaSite, joomlaHeaders } from './site.ts';

type InstallOutcome =
  | 'installed'
  /** The feed gave no usable entry the second time. */
  | 'invalid-update'
  | 'download-failed'
  | 'unpack-error'
  | 'checksum-wrong'
  /** An uncaught PHP error. */
  | 'fatal'
  /** The name says tar, gzip or bzip2, which Joomla unpacks and this model does not. */
  | 'not-modelled';

export interface InstallVerdict {
  outcome: InstallOutcome;
  /** One sentence: what the administrator is told, and why. */
  words: string;
  version: string | null;
  /** The address that was asked for the package, key and all: not for logs. */
  downloadUrl: string | null;
  /** May hold the key as well, see packageFileName. */
  fileName: string | null;
  /** missing: installed with a yellow warning. */
  checksum: 'validated' | 'missing' | 'wrong' | null;
}

/** Pass 2: what a click on "Update" leads to. Loads the feed anew, then the package. Never throws for bad outside data. */
export async function installUpdate(site: JoomlaSite, row: UpdateRow, http: Http): Promise<InstallVerdict> {
  const details = await ask(http, { url: row.detailsUrl, headers: joomlaHeaders(site.joomla), timeoutMs: null });
  if (details?.status !== 200) {
    return verdict('invalid-update', `invalid update: the feed ${answered(details?.status)} the second time`);
  }
  const parsed = parseDetails(details.body, site);
  if (parsed.fatal !== null) return verdict('fatal', `Joomla dies of a PHP error: ${parsed.fatal}`);
  if (!parsed.ok) return verdict('invalid-update', 'invalid update: the feed could not be parsed the second time');
  const entry = parsed.winner;
  if (entry === null) return verdict('invalid-update', 'invalid update: no entry of the feed fits the second time');
  const version = textOf(entry, 'version');
  if (!entry.has('downloadurl')) {
    return { ...verdict('invalid-update', `invalid update: ${version} has no downloadurl`), version };
  }
  if (row.extraQuery === '' && entry.has('extra_query')) {
    return { ...verdict('fatal', 'Joomla dies of a PHP error: the feed sets an extra_query'), version };
  }
  const url = withQuery(textOf(entry, 'downloadurl').trim(), row.extraQuery);
  return { ...(await installPackage(site, entry, url, http)), version };
}

async function installPackage(site: JoomlaSite, entry: DetailsEntry, url: string, http: Http): Promise<InstallVerdict> {
  const download = await downloadPackage(site, url, http);
  if (!download.ok) {
    const words = `download failed: the package ${answered(download.status)}`;
    return { ...verdict('download-failed', words), downloadUrl: url };
  }
  const { fileName, body } = download;
  const known = { downloadUrl: url, fileName };
  const kind = archiveKind(fileName);
  if (kind === null) {
    const words = 'unpack error: the name under which the file is kept has no ending of an archive';
    return { ...verdict('unpack-error', words), ...known };
  }
  if (kind === 'other') return { ...verdict('not-modelled', 'the file is no zip by its name'), ...known };
  const content = await openPackage(body);
  if (!content.ok) return { ...verdict('unpack-error', `unpack error: ${content.why}`), ...known };
  const checksum = checkHashes(entry, body);
  if (checksum === 'wrong') return { ...verdict('checksum-wrong', 'checksum failed'), ...known, checksum };
  const words = checksum === 'missing' ? 'installs, with the warning that there is no checksum' : 'installs';
  return { ...verdict('installed', words), ...known, checksum };
}

type Download = { ok: true; fileName: string; body: Uint8Array } | { ok: false; status: number | undefined };

const MOST_HOPS = 20;

/** The name comes from the address that was asked, not from where a redirect led. */
async function downloadPackage(site: JoomlaSite, first: string, http: Http): Promise<Download> {
  let url = first;
  for (let hop = 0; hop < MOST_HOPS; hop++) {
    const change = site.downloadPlugin ? site.downloadPlugin(url, {}) : { url, headers: {} };
    const headers = { ...joomlaHeaders(site.joomla), ...change.headers };
    const answer = await ask(http, { url: change.url, headers, timeoutMs: null });
    const location = answer?.headers['location'] ?? '';
    if (answer?.status === 302 && location !== '') {
      url = location;
    } else if (answer?.status === 200) {
      const fileName = packageFileName(change.url, answer.headers['content-disposition']);
      return { ok: true, fileName, body: answer.body };
    } else {
      return { ok: false, status: answer?.status };
    }
  }
  return { ok: false, status: 302 };
}

/** Every hash element that is there must match, even an empty one; Joomla lowers its letters and does not trim it. */
function checkHashes(entry: DetailsEntry, body: Uint8Array): 'validated' | 'missing' | 'wrong' {
  const named = ['sha256', 'sha384', 'sha512'].filter((name) => entry.has(name));
  if (named.length === 0) return 'missing';
  const right = named.every(
    (name) => createHash(name).update(body).digest('hex') === textOf(entry, name).toLowerCase(),
  );
  return right ? 'validated' : 'wrong';
}

function withQuery(url: string, query: string): string {
  if (query === '') return url;
  return `${url}${url.includes('?') ? '&' : '?'}${query}`;
}

function answered(status: number | undefined): string {
  return status === undefined ? 'did not answer' : `answered ${status}`;
}

function verdict(outcome: InstallOutcome, words: string): InstallVerdict {
  return { outcome, words, version: null, downloadUrl: null, fileName: null, checksum: null };
}
