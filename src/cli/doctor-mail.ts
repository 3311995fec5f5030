import type { Core } from '../app.ts';
import { lookUpDomain, type Names } from '../notify/mail-dns-io.ts';
import { judgeDomain } from '../notify/mail-domain.ts';
import type { MailTransport } from '../notify/mail-io.ts';
import { domainOf } from '../notify/mail-message.ts';
import { isAnythingWritten } from '../notify/mail-reads.ts';
import { type Check, failed, ok, warning } from './doctor-check.ts';
import { isPrivateHost } from './host-list.ts';

/** Whether mails to buyers leave, and whether others will take them. `names` is the name system. */
export async function checkMail(core: Core, names?: Names): Promise<Check[]> {
  const { mail } = core.config;
  const { transport } = core.mails;
  if (transport === null || transport.kind !== 'smtp') {
    const detail = elsewhere(transport?.kind ?? null, core.config.dataDir);
    // An installation that writes to nobody needs no mail server.
    if (!(await isAnythingWritten(core.db))) return [ok('mail', `${detail}; none was to be sent yet`)];
    return [warning('mail', detail, 'Set SMTP_URL and MAIL_FROM, or buyers get no keys by mail.')];
  }
  const fault = await transport.check();
  const host = mail.server?.host ?? '';
  const reached =
    fault === null
      ? ok('mail', `${host} takes mails of ${mail.from.address}`)
      : failed(
          'mail',
          `${host} cannot be used: ${fault}`,
          'Is SMTP_URL right, does the server offer TLS, may this machine reach it?',
        );
  return [reached, ...(await checkDomain(domainOf(mail.from.address), names))];
}

function elsewhere(kind: MailTransport['kind'] | null, dataDir: string): string {
  if (kind === null) return 'no mail is sent (MAIL_TRANSPORT=off)';
  return kind === 'file' ? `mails are only written to ${dataDir}/mail` : 'mails are only printed';
}

async function checkDomain(domain: string, names?: Names): Promise<Check[]> {
  if (isPrivateHost(domain))
    return [
      warning('mail', `no mail server takes mails of ${domain}`, 'Set MAIL_FROM to an address of a public domain.'),
    ];
  const findings = judgeDomain(domain, await lookUpDomain(domain, names));
  return findings.map(({ about, ok: isFine, detail, fix }) =>
    isFine ? ok('mail', `${about}: ${detail}`) : warning('mail', `${about}: ${detail}`, fix),
  );
}
