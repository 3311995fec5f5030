import type { Core } from '../app.ts';
import { problem } from '../errors.ts';
import { type ForgeRecord, forgeOverviews } from '../forge/forge-reads.ts';
import { callbackUrl, dropForgeLogin, loginForges, registerForgeLogin, setForgeLogin } from '../forge/login-apps.ts';
import { type Call, type Command, EXIT, flagOf, required, textOf, UsageError } from './command.ts';
import { byCli, secretOf, withCore } from './session.ts';

export const forgeLogin: Command = {
  name: 'forge login',
  summary: 'Lets people sign in with a forge, or says how to; what they may do is asked of the forge.',
  usage: '<forge> [--create | --client-id ID --client-secret-file FILE | --off]',
  help: [
    '--create               registers the application on a Gitea or Forgejo, by its token (scope write:user) or as --user',
    '--user                 the user to whom it shall belong; with --password-file, a file with his password',
    '--client-id            of an application that was registered by hand, with the address that this command prints',
    '--client-secret-file   file with its secret; or --client-secret, or CLIENT_SECRET in the environment',
    '--off                  nobody signs in with the forge any more, and whoever did is signed out',
  ],
  options: {
    create: { type: 'boolean' },
    user: { type: 'string' },
    password: { type: 'string' },
    'password-file': { type: 'string' },
    'client-id': { type: 'string' },
    'client-secret': { type: 'string' },
    'client-secret-file': { type: 'string' },
    off: { type: 'boolean' },
  },
  async run(call) {
    const name = required(call.positionals[0], 'the forge');
    const change = await changeSaid(call);
    return withCore(call, 'publicUrl', async (core) => {
      const [overview] = await forgeOverviews(core.db, name);
      if (!overview) throw problem('NOT_FOUND', `there is no forge "${name}"`);
      await change(core, overview.forge);
      return tell(core, call, overview.forge);
    });
  },
};

type Change = (core: Core, forge: ForgeRecord) => Promise<unknown>;

/** What the call asks for; nothing but telling where it names nothing. */
async function changeSaid(call: Call): Promise<Change> {
  const { values } = call;
  const clientId = textOf(values, 'client-id');
  const asked = [flagOf(values, 'create'), clientId !== undefined, flagOf(values, 'off')].filter(Boolean).length;
  if (asked > 1) throw new UsageError('give one of --create, --client-id and --off');
  if (flagOf(values, 'off')) return (core, forge) => dropForgeLogin(core.forge, forge, byCli(core));
  if (clientId !== undefined) {
    const clientSecret = required(await secretOf(call, 'client-secret', 'CLIENT_SECRET'), '--client-secret-file');
    return (core, forge) => setForgeLogin(core.forge, forge, { clientId, clientSecret }, byCli(core));
  }
  if (!flagOf(values, 'create')) return async () => undefined;
  const user = textOf(values, 'user');
  const password = user === undefined ? undefined : required(await secretOf(call, 'password', null), '--password-file');
  const as = user === undefined || password === undefined ? null : { user, password };
  return (core, forge) => registerForgeLogin(core.forge, forge, as, byCli(core));
}

async function tell(core: Core, { io }: Call, forge: ForgeRecord): Promise<number> {
  const { publicUrl } = core.config;
  const isOn = (await loginForges(core.db)).some(({ id }) => id === forge.id);
  const callback = callbackUrl(publicUrl, forge.id);
  io.json({ forge: forge.name, sign_in: isOn, callback_url: callback, sign_in_url: `${publicUrl}/login` });
  if (isOn) io.say(`People sign in with ${forge.name} at ${publicUrl}/login.`);
  else io.say(`Nobody signs in with ${forge.name}.`);
  io.say(`The application on the forge sends them back to this address, to the letter:\n  ${callback}`);
  if (!isOn) io.say(`Then: feedgate forge login ${forge.name} --client-id ID --client-secret-file FILE`);
  return EXIT.ok;
}
