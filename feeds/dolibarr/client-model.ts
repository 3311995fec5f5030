import type { ClientModel, PlayedSite } from '../../src/updates/client-model.ts';
import { isRefusedHost } from './model/address-guard.ts';
import { describeCheck } from './model/check-sentence.ts';
import { dolibarrHttp } from './model/http-io.ts';
import { checkForUpdate, type DolibarrHttp, type HttpAnswer } from './model/update-check.ts';

/** A Dolibarr whose module asks this product's feed, with the key in the address where one was typed. */
export const dolibarrClient: ClientModel = {
  platform: 'dolibarr',
  title: 'Dolibarr',
  version: '22.0',
  document: 'dolibarr.txt',
  keyInFeed: true,
  async play(site, reroute) {
    const http = dolibarrHttp({ guard: false });
    const asked = { version: site.installed, urlLastVersion: addressOf(site) };
    const check = await checkForUpdate(asked, { get: (url, headers) => http.get(reroute(url), headers) });
    const offered = check.cause === 'newer' ? check.lastVersion : null;
    return { sentence: describeCheck(check), offered, installs: null };
  },
  async poll(url) {
    const http = dolibarrHttp({ guard: false });
    const answers: HttpAnswer[] = [];
    const get: DolibarrHttp['get'] = async (address, headers) => {
      const answer = await http.get(address, headers);
      if (answer !== null) answers.push(answer);
      return answer;
    };
    await checkForUpdate({ version: '0', urlLastVersion: url }, { get });
    const last = answers.at(-1);
    if (last === undefined) throw new Error('no answer came');
    return { status: last.status, body: Buffer.from(last.body).toString('utf8') };
  },
  async refusal(url) {
    const { protocol, hostname } = new URL(url);
    if (!/^https?:$/.test(protocol)) return 'Dolibarr asks http and https addresses only';
    const addresses = (await dolibarrHttp().addressesOf?.(hostname)) ?? [];
    if (!isRefusedHost(hostname, addresses)) return null;
    return 'Dolibarr never asks an address of a private network or of the machine itself, so no Dolibarr learns of updates';
  },
};

function addressOf({ feedUrl, key, host }: PlayedSite): string {
  const address = new URL(feedUrl);
  if (key !== null) address.searchParams.set('key', key);
  if (host !== null) address.searchParams.set('domain', host);
  return address.href;
}
