import { comparePhpVersions } from '../../../src/releases/version-order.ts';
import { parseCollection } from './parse-collection.ts';
import { type FeedEntry, type FeedWarning, parseUpdates } from './parse-updates.ts';
import type { Refusal } from './requirements.ts';
import {
  ask,
  clientByName,
  clientName,
  type Http,
  hearsFeedPlugin,
  type InstalledExtension,
  type JoomlaSite,
  joomlaHeaders,
} from './site.ts';

/** A row of Joomla's table of updates. */
export interface UpdateRow {
  element: string;
  type: string;
  folder: string;
  /** null: an unknown client, which matches nothing. */
  clientId: number | null;
  version: string;
  name: string;
  description: string;
  infoUrl: string;
  changelogUrl: string;
  /** Where pass 2 loads the feed anew. */
  detailsUrl: string;
  extraQuery: string;
  /** What it updates. null: nothing of this site, so the row is stored and never shown. */
  extension: InstalledExtension | null;
}

export type EntryOutcome =
  | 'offered'
  /** Fits and wins, but what is installed is as new or newer. */
  | 'not-newer'
  /** Fits and wins, but no such extension is installed: the silent failure. */
  | 'not-installed'
  /** Fits, but another entry wins. */
  | 'not-newest'
  | Refusal['code'];

/** One entry of the feed and what became of it, in document order. */
export interface EntryEvaluation {
  version: string;
  element: string;
  type: string;
  folder: string;
  clientId: number | null;
  outcome: EntryOutcome;
  /** Finishes "it is held back because ..."; empty where it is not. */
  detail: string;
}

export interface CheckResult {
  warnings: FeedWarning[];
  /** An uncaught PHP error ended the check; null as a rule. */
  fatal: string | null;
  rows: UpdateRow[];
  /** The rows that the administrator sees. */
  offered: UpdateRow[];
  evaluations: EntryEvaluation[];
}

/** Pass 1: what a click on "Check for updates" leads to. Never throws for bad outside data. */
export async function checkForUpdates(site: JoomlaSite, http: Http): Promise<CheckResult> {
  const bare = site.feedUrl.trim();
  let url = bare;
  for (let retry = false; ; retry = true) {
    const headers = joomlaHeaders(site.joomla);
    const change = site.plugin && hearsFeedPlugin(site) ? site.plugin(url, {}) : { url, headers: {} };
    const request = { url: change.url, headers: { ...headers, ...change.headers }, timeoutMs: 20_000 };
    const answer = await ask(http, request);
    const found = answer?.status === 200 ? evaluate(answer.body, site, request.url) : null;
    if (found !== null) return found;
    if (retry || request.url.endsWith('.xml')) {
      const code = answer?.status === 200 ? 'parse' : 'open';
      const text = code === 'parse' ? 'the feed could not be parsed' : openFailure(answer?.status);
      return { ...nothing(), warnings: [{ kind: 'message', code, text, url: request.url }] };
    }
    if (!bare.endsWith('.xml')) url = `${bare}${bare.endsWith('/') ? '' : '/'}extension.xml`;
  }
}

function openFailure(status: number | undefined): string {
  return status === undefined ? 'the feed did not answer' : `the feed answered ${status}`;
}

function nothing(): CheckResult {
  return { warnings: [], fatal: null, rows: [], offered: [], evaluations: [] };
}

/** null: parse error. */
function evaluate(body: Uint8Array, site: JoomlaSite, detailsUrl: string): CheckResult | null {
  return site.feedType === 'collection' ? evaluateCollection(body, site) : evaluateFeed(body, site, detailsUrl);
}

function evaluateFeed(body: Uint8Array, site: JoomlaSite, detailsUrl: string): CheckResult | null {
  const feed = parseUpdates(body, site);
  if (feed.fatal !== null) return { ...nothing(), fatal: feed.fatal, warnings: feed.warnings };
  if (!feed.ok) return null;
  const result = { ...nothing(), warnings: feed.warnings };
  for (const entry of feed.entries) {
    const row = rowOf(entry, site, detailsUrl);
    const outcome =
      entry.refusal?.code ?? (entry === feed.winner ? addRow(row, result) : ('not-newest' satisfies EntryOutcome));
    result.evaluations.push(evaluation(row, outcome, entry.refusal?.detail ?? ''));
    if (entry === feed.winner && row.clientId === null) {
      const text = `"${entry.fields.get('CLIENT') ?? ''}" is no client`;
      result.warnings.push({ kind: 'php', code: 'client', text });
    }
  }
  return result;
}

function rowOf(entry: FeedEntry, site: JoomlaSite, detailsUrl: string): UpdateRow {
  const field = (name: string) => entry.fields.get(name) ?? '';
  return match(site, {
    element: field('ELEMENT'),
    type: field('TYPE'),
    folder: field('FOLDER'),
    clientId: clientIdOf(field('CLIENT')),
    version: field('VERSION'),
    name: field('NAME'),
    description: field('DESCRIPTION'),
    infoUrl: field('INFOURL'),
    changelogUrl: field('CHANGELOGURL'),
    detailsUrl,
    extraQuery: site.extraQuery,
  });
}

const NUMERIC = /^[ \t\n\r\v\f]*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?[ \t\n\r\v\f]*$/;

/** Absent and empty mean administrator; a number may have blanks round it, a name may not. */
function clientIdOf(client: string): number | null {
  if (client === '') return 1;
  return NUMERIC.test(client) ? Number(client) : clientByName(client);
}

function evaluateCollection(body: Uint8Array, site: JoomlaSite): CheckResult | null {
  const { ok, lines } = parseCollection(body, site);
  if (!ok) return null;
  const result = nothing();
  for (const { attributes, clientId, refusal } of lines) {
    const field = (name: string) => attributes.get(name) ?? '';
    const row = match(site, {
      element: field('element'),
      type: field('type'),
      folder: field('folder'),
      clientId,
      version: field('version'),
      name: field('name'),
      description: field('description'),
      infoUrl: field('infourl'),
      changelogUrl: field('changelogurl'),
      detailsUrl: field('detailsurl'),
      extraQuery: site.extraQuery,
    });
    result.evaluations.push(evaluation(row, refusal?.code ?? addRow(row, result), refusal?.detail ?? ''));
  }
  return result;
}

function match(site: JoomlaSite, row: Omit<UpdateRow, 'extension'>): UpdateRow {
  const extension = site.extensions.find(
    (one) =>
      one.element === row.element &&
      one.type === row.type &&
      one.clientId === row.clientId &&
      one.folder === row.folder,
  );
  return { ...row, extension: extension ?? null };
}

function addRow(row: UpdateRow, result: CheckResult): EntryOutcome {
  if (row.extension === null) {
    result.rows.push(row);
    return 'not-installed';
  }
  if (comparePhpVersions(row.version, row.extension.version) <= 0) return 'not-newer';
  result.rows.push(row);
  result.offered.push(row);
  return 'offered';
}

function evaluation(row: UpdateRow, outcome: EntryOutcome, refusal: string): EntryEvaluation {
  const { version, element, type, folder, clientId, extension } = row;
  let detail = refusal;
  if (outcome === 'not-newer') detail = `${extension?.version} is installed`;
  if (outcome === 'not-installed') {
    const group = folder === '' ? '' : ` of the group ${folder}`;
    detail = `the site has no ${type} ${element}${group} for the client ${clientName(clientId)}`;
  }
  return { version, element, type, folder, clientId, outcome, detail };
}
