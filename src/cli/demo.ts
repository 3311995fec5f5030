import { mkdtemp } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CLI_ACTOR } from '../accounts/actor.ts';
import { SCOPES } from '../accounts/scope.ts';
import { createToken } from '../accounts/tokens.ts';
import { type Core, openCore, serve } from '../app.ts';
import { makeLogger } from '../http/log.ts';
import { type Call, type Command, configOf, EXIT } from './command.ts';
import {
  addDemoProduct,
  connectDemo,
  DEMO_ORGANIZATION,
  type DemoKeys,
  demoKeys,
  syncAll,
  takeSite,
} from './demo-data.ts';
import { demoRepositories, makeRepository, moveTag } from './demo-repositories.ts';
import { untilStopped } from './serve.ts';

interface Ready {
  url: string;
  token: string;
  products: { joomla: { feed: string; changelog: string }; dolibarr: { txt: string; xml: string } };
  keys: DemoKeys;
}

export const demo: Command = {
  name: 'demo',
  summary: 'Starts the real server with two sample extensions and six keys, and prints what to try.',
  usage: '',
  help: [
    '--json    one JSON line on stdout once it is ready; then it stays up',
    'PORT      where it listens (8080, or any free port if that is taken)',
    'DATA_DIR  where it keeps its data (a new temporary folder)',
  ],
  async run(call) {
    const port = await choosePort(call.io.env['PORT']);
    const dataDir = call.io.env['DATA_DIR'] || (await mkdtemp(join(tmpdir(), 'feedgate-demo-')));
    const config = configOf(
      { ...call.io, env: { ...call.io.env, PORT: String(port), DATA_DIR: dataDir } },
      { PUBLIC_URL: `http://127.0.0.1:${port}`, HOST: '127.0.0.1', LOG_LEVEL: 'warn' },
    );
    const log = makeLogger({ level: config.logLevel, destination: process.stderr });
    const core = await openCore(config, { log });
    const running = await serve(core);
    const ready = await prepare(core, call);
    call.io.json(ready);
    call.io.say(words(ready, dataDir));
    await untilStopped();
    await running.stop();
    return EXIT.ok;
  },
};

async function prepare(core: Core, { io }: Call): Promise<Ready> {
  const { publicUrl: url, dataDir } = core.config;
  const folder = join(dataDir, 'demo-repositories');
  const { joomla, dolibarr } = demoRepositories(url, DEMO_ORGANIZATION);
  io.note('Making two sample repositories with the tags 0.9.0, 1.0.0, 1.1.0, 1.2.0-rc.1 and 1.3.0-beta.1 ...');
  await makeRepository(folder, joomla);
  await makeRepository(folder, dolibarr);
  const organization = await connectDemo(core, folder);
  await addDemoProduct(core, organization, { repository: joomla.name, title: 'Hello', platform: 'joomla' });
  await addDemoProduct(core, organization, { repository: dolibarr.name, title: 'Hellobox', platform: 'dolibarr' });
  io.note('Reading the tags ...');
  await syncAll(core);
  io.note('Moving the tag 1.1.0 and reading again ...');
  await moveTag(folder, joomla);
  await moveTag(folder, dolibarr);
  await syncAll(core);
  const keys = await demoKeys(core, organization);
  await takeSite(core, keys.sites_full, 'one.example.com', `${DEMO_ORGANIZATION}/${joomla.name}`);
  const { text: token } = await createToken(
    core,
    { name: 'demo', organizationId: null, scopes: [...SCOPES], expiresAt: null },
    CLI_ACTOR,
    core.clock(),
  );
  const at = (repository: string, file: string) => `${url}/${DEMO_ORGANIZATION}/${repository}/${file}`;
  return {
    url,
    token,
    products: {
      joomla: { feed: at(joomla.name, 'updates.xml'), changelog: at(joomla.name, 'changelog.xml') },
      dolibarr: { txt: at(dolibarr.name, 'dolibarr.txt'), xml: at(dolibarr.name, 'dolibarr.xml') },
    },
    keys,
  };
}

function words({ url, token, products, keys }: Ready, dataDir: string): string {
  const { joomla, dolibarr } = products;
  const rows = Object.entries(keys).map(([name, text]) => `  ${name.padEnd(12)}${text}`);
  return `
Feedgate is ready at ${url}

Keys (all for both products)
${rows.join('\n')}

Try
  curl -i '${joomla.feed}'
      without a key: the empty document, since the demo's products are strict
  curl -s '${joomla.feed}?dlid=${keys.valid}'
      stable, rc and beta
  curl -s '${joomla.feed}?dlid=${keys.stable_only}'
      stable only
  curl -i '${dolibarr.txt}?key=${keys.valid}'
      what Dolibarr reads
  curl -OJ '${joomla.feed.replace('updates.xml', 'download/latest')}?dlid=${keys.valid}'
      the newest stable file
  curl -i '${joomla.feed}?dlid=${keys.sites_full}&site=two.example.com'
      refused: the one site is taken by one.example.com
  curl -s '${url}/api/v1/organizations' -H 'Authorization: Bearer ${token}'
      the API
  open ${joomla.feed.replace('/updates.xml', '')}
      the page that people see

Data: ${dataDir}. Stop with Ctrl+C.`;
}

async function choosePort(wanted: string | undefined): Promise<number> {
  if (wanted !== undefined && wanted !== '' && wanted !== '0') return Number(wanted);
  const isFree = wanted === undefined || wanted === '' ? await portIfFree(8080) : null;
  return isFree ?? (await portIfFree(0)) ?? 8080;
}

function portIfFree(port: number): Promise<number | null> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(null));
    probe.listen(port, '127.0.0.1', () => {
      const found = (probe.address() as { port: number }).port;
      probe.close(() => resolve(found));
    });
  });
}
