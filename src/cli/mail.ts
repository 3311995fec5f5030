import { requireOrganization } from '../forge/forge-reads.ts';
import { MAIL_LANGUAGES } from '../notify/mail-facts.ts';
import { testMail } from '../notify/mail-reads.ts';
import { MAIL_TEMPLATES } from '../notify/mail-wish.ts';
import { type Command, choiceOf, EXIT, required, textOf } from './command.ts';
import { byCli, withCore } from './session.ts';

export const mailTest: Command = {
  name: 'mail test',
  summary: 'Sends a mail with made-up values, to see whether and how it arrives.',
  usage: '<organization> --to ada@example.com [--template key] [--language en|de|fr]',
  help: [`--template   one of ${MAIL_TEMPLATES.join(', ')}`, 'Exit code 1: it could not be sent; why is said.'],
  options: { to: { type: 'string' }, template: { type: 'string' }, language: { type: 'string' } },
  async run(call) {
    const slug = required(call.positionals[0], 'the organization');
    const to = required(textOf(call.values, 'to'), '--to');
    const template = choiceOf(call.values, 'template', MAIL_TEMPLATES) ?? 'key';
    const language = choiceOf(call.values, 'language', MAIL_LANGUAGES);
    return withCore(call, 'publicUrl', async (core) => {
      const organization = await requireOrganization(core.db, slug);
      const ground = { db: core.db, mails: core.mails, publicUrl: core.config.publicUrl };
      const outcome = await testMail(ground, organization, { to, template, language }, byCli(core));
      const detail = outcome.ok ? '' : outcome.detail;
      const transport = core.mails.transport?.kind ?? 'off';
      call.io.json({ sent: outcome.ok, transport, detail });
      const where = transport === 'file' ? `written to ${core.config.dataDir}/mail` : `sent to ${to}`;
      call.io.say(outcome.ok ? `It was ${where}.` : `It was not sent: ${detail}`);
      return outcome.ok ? EXIT.ok : EXIT.failed;
    });
  },
};
