import type { JoomlaFacts } from '../../src/releases/release.ts';
import type { ClientModel, Played, PlayedSite } from '../../src/updates/client-model.ts';
import { joomlaFacts } from './facts.ts';
import { checkForUpdates } from './model/check.ts';
import { describeOffer } from './model/describe.ts';
import { joomlaHttp } from './model/http-io.ts';
import { type InstallVerdict, installUpdate } from './model/install.ts';
import { clientByName, type Http, type JoomlaSite, joomlaHeaders, STABILITY_WORDS } from './model/site.ts';

const VERSION = '5.4.0';
const POLL_MS = 20_000;

/** A stock Joomla, or one with the client kit, played through the model of Joomla's own code. */
export const joomlaClient: ClientModel = {
  platform: 'joomla',
  title: 'Joomla',
  version: VERSION,
  document: 'updates.xml',
  keyInFeed: false,
  async play(site, reroute) {
    const http = joomlaHttp();
    return play(site, (request) => http({ ...request, url: reroute(request.url) }));
  },
  async poll(url) {
    const answer = await joomlaHttp()({ url, headers: joomlaHeaders(VERSION), timeoutMs: POLL_MS });
    return { status: answer.status, body: Buffer.from(answer.body).toString('utf8') };
  },
  refusal: async () => null,
};

async function play(played: PlayedSite, http: Http): Promise<Played> {
  const site = siteOf(played, joomlaFacts(played.facts));
  const result = await checkForUpdates(site, http);
  const sentence = describeOffer(site, result);
  const [row] = result.offered;
  if (row === undefined) return { sentence, offered: null, installs: null };
  if (!played.download) return { sentence, offered: row.version, installs: null };
  const verdict = await installUpdate(site, row, http);
  const installs = verdict.outcome === 'installed';
  return { sentence: `${sentence.replace(/\.$/, '')}; ${tried(played, verdict)}.`, offered: row.version, installs };
}

function tried({ key }: PlayedSite, { outcome, words }: InstallVerdict): string {
  if (outcome === 'installed') return `it ${words}`;
  const reason = key === null && outcome === 'download-failed' ? ', because no key was typed' : '';
  return `but installing it fails: ${words}${reason}`;
}

function siteOf(played: PlayedSite, facts: JoomlaFacts): JoomlaSite {
  const { key, kit, host, feedUrl } = played;
  const stability = STABILITY_WORDS.indexOf(played.stability);
  const site: JoomlaSite = {
    joomla: fullVersion(played.version),
    php: fullVersion(played.php),
    db: { type: 'mysql', version: '8.0.36' },
    minStability: (stability === -1 ? 4 : stability) as JoomlaSite['minStability'],
    extensions: [
      {
        type: facts.type,
        element: facts.element,
        folder: facts.folder,
        clientId: clientByName(facts.client) ?? 1,
        version: played.installed,
      },
    ],
    extraQuery: key === null || facts.dlid === null ? '' : facts.dlid.prefix + key + facts.dlid.suffix,
    feedUrl,
  };
  if (!kit) return site;
  const withHost = (url: string, query: Record<string, string>) => {
    const address = new URL(url);
    for (const [name, value] of Object.entries({ ...query, ...(host === null ? {} : { site: host }) }))
      if (!address.searchParams.has(name)) address.searchParams.append(name, value);
    return { url: address.href, headers: {} };
  };
  const keyed = key === null ? feedUrl : feedUrl.replace(/^(https?:\/\/[^/]+)/, `$1/k/${encodeURIComponent(key)}`);
  return {
    ...site,
    plugin: () => withHost(keyed, { x: '.xml' }),
    downloadPlugin: (url) => withHost(url, key === null ? {} : { dlid: key }),
  };
}

function fullVersion(version: string): string {
  const parts = version.split('.');
  while (parts.length < 3) parts.push('0');
  return parts.join('.');
}
