import { createLoginLink } from '../accounts/login-links.ts';
import { type Command, EXIT, numberOf } from './command.ts';
import { byCli, withCore } from './session.ts';

const MINUTES = 15;

export const loginLink: Command = {
  name: 'login-link',
  summary: 'Prints a link that signs you in once, with all rights; no forge is needed for it.',
  usage: '[--minutes 15]',
  help: ['--minutes   how long it can be used, at most 1440'],
  options: { minutes: { type: 'string' } },
  async run(call) {
    const minutes = numberOf(call.values, 'minutes') ?? MINUTES;
    return withCore(call, 'publicUrl', async (core) => {
      const deps = { ...core, publicUrl: core.config.publicUrl };
      const { url, expiresAt } = await createLoginLink(deps, minutes, byCli(core));
      call.io.json({ url, expires_at: expiresAt });
      call.io.say(url);
      call.io.note(
        `Good for one sign-in within ${minutes} minutes. Whoever has it may do everything: open it yourself.`,
      );
      return EXIT.ok;
    });
  },
};
