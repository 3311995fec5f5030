import type { Core } from '../app.ts';
import { problem } from '../errors.ts';
import { type ForgeRecord, forgeOverviews } from '../forge/forge-reads.ts';
import { currentHookSecret, replaceToken, rotateHookSecret } from '../forge/rotate-secret.ts';
import { type Command, EXIT, flagOf, required } from './command.ts';
import { byCli, secretOf, withCore } from './session.ts';

async function forgeNamed(core: Core, name: string): Promise<ForgeRecord> {
  const [overview] = await forgeOverviews(core.db, name);
  if (!overview) throw problem('NOT_FOUND', `there is no forge "${name}"`);
  return overview.forge;
}

export const forgeTokenSet: Command = {
  name: 'forge token set',
  summary: 'Gives a forge another API token, after asking the forge with it.',
  usage: '<forge> --token-file FILE',
  help: ['--token-file   file with the token; or --token, or FORGE_TOKEN in the environment'],
  options: { token: { type: 'string' }, 'token-file': { type: 'string' } },
  async run(call) {
    const name = required(call.positionals[0], 'the forge');
    const token = required(await secretOf(call, 'token', 'FORGE_TOKEN'), '--token-file');
    return withCore(call, 'database', async (core) => {
      const forge = await forgeNamed(core, name);
      await replaceToken(core.forge, forge, token, byCli(core));
      call.io.json({ id: forge.id, name: forge.name });
      call.io.say(`${forge.name} answers to the new token.`);
      return EXIT.ok;
    });
  },
};

export const forgeSecretRotate: Command = {
  name: 'forge secret rotate',
  summary: "Gives a forge's hooks a new secret; the one before stays good, unless it leaked.",
  usage: '<forge> [--drop-old]',
  help: [
    '--drop-old   the old secret is refused at once (it leaked); deliveries that are under way are lost',
    'For a forge of kind "git" the new secret is printed: its hooks are made by hand.',
  ],
  options: { 'drop-old': { type: 'boolean' } },
  async run(call) {
    const name = required(call.positionals[0], 'the forge');
    const { io } = call;
    return withCore(call, 'publicUrl', async (core) => {
      const forge = await forgeNamed(core, name);
      const progress = (repository: string) => io.note(`hook of ${repository} ...`);
      const result = await rotateHookSecret(core.forge, forge, flagOf(call.values, 'drop-old'), byCli(core), progress);
      const byHand = !core.forge.drivers[forge.kind].capabilities.hooks;
      const secret = byHand ? currentHookSecret(core.forge, await forgeNamed(core, forge.id)) : undefined;
      io.json({ forge: forge.name, ...result, ...(secret === undefined ? {} : { secret }) });
      io.say(`The hooks of ${forge.name} have a new secret: ${result.changed.length} changed.`);
      if (secret !== undefined) io.say(`Put it where the hook scripts read $SECRET: ${secret}`);
      for (const { repository, detail } of result.failed) io.note(`${repository}: ${detail}`);
      return result.failed.length === 0 ? EXIT.ok : EXIT.failed;
    });
  },
};
