import { clientModels } from '../../feeds/index.ts';
import type { Core } from '../app.ts';
import { fromIso, MINUTE, SECOND } from '../clock.ts';
import { jobsThatAreStuck, lastWritten } from '../doctor/evidence.ts';
import { ForgeTrouble } from '../errors.ts';
import { forgeFetch } from '../forge/fetch.ts';
import { forgeOverviews } from '../forge/forge-reads.ts';
import { redactKeys } from '../http/redact.ts';
import { watchGateBypass } from '../releases/gate-bypass.ts';
import { productPath } from '../releases/product.ts';
import { listProducts } from '../releases/product-reads.ts';
import { productWarnings } from '../releases/product-warnings.ts';
import type { ClientModel, Reroute, StockAnswer } from '../updates/client-model.ts';
import { pageUrl } from '../updates/feed-releases.ts';
import { type Check, failed, ok, warning } from './doctor-check.ts';
import { isPrivateHost } from './host-list.ts';
import { onLoopback } from './loopback.ts';

const MOST_APART = 30 * SECOND;
const FAR_APART = 5 * MINUTE;

/** Licenses end by this clock. It is compared with the last row that was written and with the forges' own clocks. */
export async function checkClock(core: Core): Promise<Check[]> {
  const fix = 'Set the clock of this machine, and let it be kept right (NTP).';
  const written = await lastWritten(core.db);
  const back = written === null ? 0 : fromIso(written) - core.clock();
  if (back > MINUTE)
    return [
      failed('clock', `it was set back: something was written ${Math.round(back / SECOND)} s in the future`, fix),
    ];
  for (const { forge } of await forgeOverviews(core.db)) {
    const apart = await apartFrom(forge.baseUrl, core.clock);
    if (apart === null) continue;
    const detail = `it is ${Math.round(Math.abs(apart) / SECOND)} s ${apart > 0 ? 'ahead of' : 'behind'} that of ${forge.name}`;
    if (Math.abs(apart) > FAR_APART) return [failed('clock', detail, fix)];
    return [Math.abs(apart) > MOST_APART ? warning('clock', detail, fix) : ok('clock', `right, as ${forge.name} says`)];
  }
  return [ok('clock', 'it runs forward; there is no other clock to compare it with')];
}

/** ms; null: there is no clock at that address. */
async function apartFrom(address: string, clock: () => number): Promise<number | null> {
  if (!/^https?:/.test(address)) return null;
  try {
    const { headers } = await forgeFetch({ baseUrl: address, token: null })(address, { method: 'HEAD' });
    const date = Date.parse(headers.get('date') ?? '');
    return Number.isNaN(date) ? null : clock() - date;
  } catch (error) {
    if (error instanceof ForgeTrouble) return null;
    throw error;
  }
}

/** Each client asks one feed of ours at its public address, and must be given what this installation serves. */
export async function checkPublicUrls(core: Core): Promise<Check[]> {
  const products = (await listProducts(core.db, null)).reverse();
  return onLoopback(core, async (reroute) => {
    const checks: Check[] = [];
    for (const model of clientModels) {
      const product = products.find(({ platforms }) => platforms.includes(model.platform));
      if (product === undefined) continue;
      checks.push(...(await checkFeed(`${pageUrl(core.config.publicUrl, product)}/${model.document}`, model, reroute)));
    }
    const [anyModel] = clientModels;
    if (checks.length === 0 && anyModel)
      checks.push(await checkAnswer(`${core.config.publicUrl}/healthz`, anyModel, reroute));
    return [...checks, ...checkScheme(core.config.publicUrl)];
  });
}

async function checkFeed(url: string, model: ClientModel, reroute: Reroute): Promise<Check[]> {
  const answer = await checkAnswer(url, model, reroute);
  const refusal = await model.refusal(url);
  if (refusal === null) return [answer];
  return [answer, warning('public_url', refusal, 'Give Feedgate a public address and set PUBLIC_URL to it.')];
}

async function checkAnswer(url: string, model: ClientModel, reroute: Reroute): Promise<Check> {
  const fixProxy = 'The proxy must hand on path and query as they come, and keep no answer of its own.';
  let answer: StockAnswer;
  try {
    answer = await model.poll(url);
  } catch (error) {
    const code = (error as { code?: string }).code;
    const why = code === undefined ? '' : ` (${code})`;
    const fix =
      'Does feedgate serve run, does the name lead to it, and does the proxy hand requests on? Is PUBLIC_URL right?';
    return failed('public_url', `${model.title} gets no answer from ${url}${why}`, fix);
  }
  if (answer.status !== 200)
    return failed('public_url', `${model.title} gets status ${answer.status} from ${url}`, fixProxy);
  const own = await model.poll(reroute(url));
  if (own.body !== answer.body)
    return failed(
      'public_url',
      `${model.title} gets something else from ${url} than this installation serves`,
      fixProxy,
    );
  return ok('public_url', `${model.title} gets ${url}`);
}

function checkScheme(publicUrl: string): Check[] {
  const { protocol, hostname } = new URL(publicUrl);
  if (protocol === 'https:' || isPrivateHost(hostname)) return [];
  return [warning('public_url', 'PUBLIC_URL is plain http, so license keys travel in the clear', 'Serve it by https.')];
}

/** Settings under which stock clients see nothing. */
export async function checkModes(core: Core): Promise<Check[]> {
  const products = await listProducts(core.db, null);
  const checks = products.flatMap((product) =>
    productWarnings(product).map(({ detail, fix }) => warning('mode', `${productPath(product)}: ${detail}`, fix)),
  );
  return checks.length > 0 || products.length === 0
    ? checks
    : [ok('mode', 'no product hides its updates from stock clients')];
}

/** GATE_BYPASS: a gated file that the forge gives to anybody. */
export async function checkBypass(core: Core): Promise<Check[]> {
  const found = await watchGateBypass(core.forge);
  const checks = found.flatMap(({ product, state, problem }): Check[] => {
    if (problem !== null) return [warning('GATE_BYPASS', `${productPath(product)}: ${problem.detail}`, problem.fix)];
    if (state !== 'unknown') return [];
    return [warning('GATE_BYPASS', `${productPath(product)}: the forge did not say`, 'Ask the doctor again later.')];
  });
  return checks.length > 0 || found.length === 0
    ? checks
    : [ok('GATE_BYPASS', 'no gated file is to be had without the gate')];
}

export async function checkJobs(core: Core): Promise<Check[]> {
  const stuck = await jobsThatAreStuck(core.db);
  if (stuck.length === 0) return [ok('jobs', 'none is stuck')];
  return stuck.map(({ kind, subject, attempts, lastError }) =>
    warning(
      'jobs',
      `${kind} of ${subject} failed ${attempts} times: ${redactKeys(lastError ?? 'no reason was kept')}`,
      'Mend what it names; it is tried again once an hour.',
    ),
  );
}
