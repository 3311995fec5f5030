import { type AuditShown, readAudit } from '../audit/audit-reads.ts';
import { toIso } from '../clock.ts';
import { requireOrganization } from '../forge/forge-reads.ts';
import { type Command, EXIT, numberOf, textOf } from './command.ts';
import { withCore } from './session.ts';
import { sinceOf } from './since.ts';
import { shortTime, table } from './table.ts';

const SHOWN = 100;

export const auditCommand: Command = {
  name: 'audit',
  summary: 'Who did what, the newest first.',
  usage: '[--organization acme] [--thing lic_…] [--actor cli] [--action key.] [--since 7d] [--limit 100]',
  help: [
    '--organization   of this one only; of all, and of the installation itself, otherwise',
    '--thing          the id of a license, a key, a product …',
    '--actor          cli, system, or the id of a token or a person',
    '--action         the action or its beginning, e.g. key.revoke or key.',
    '--since          a number of days (7d), a day or an instant',
  ],
  options: {
    organization: { type: 'string' },
    thing: { type: 'string' },
    actor: { type: 'string' },
    action: { type: 'string' },
    since: { type: 'string' },
    limit: { type: 'string' },
  },
  async run(call) {
    return withCore(call, 'database', async (core) => {
      const slug = textOf(call.values, 'organization');
      const since = sinceOf(call.values, 'since', core.clock());
      const filter = {
        organizationId: slug === undefined ? undefined : (await requireOrganization(core.db, slug)).id,
        entityId: textOf(call.values, 'thing'),
        actor: textOf(call.values, 'actor'),
        action: textOf(call.values, 'action'),
        from: since === undefined ? undefined : toIso(since),
      };
      const { items } = await readAudit(core.db, filter, { limit: numberOf(call.values, 'limit') ?? SHOWN });
      call.io.json({ events: items });
      const heading = ['when', 'who', 'what', 'thing', 'changes'];
      call.io.say(items.length === 0 ? 'Nothing of that kind was done.' : table([heading, ...items.map(line)]));
      return EXIT.ok;
    });
  },
};

function line({ at, actor, action, entity_id, changes }: AuditShown): string[] {
  return [shortTime(at), actor.name ?? actor.id, action, entity_id, Object.entries(changes).map(inShort).join(' ')];
}

function inShort([name, value]: [string, unknown]): string {
  const isChange = typeof value === 'object' && value !== null && 'from' in value && 'to' in value;
  const text = isChange ? `${JSON.stringify(value.from)}→${JSON.stringify(value.to)}` : JSON.stringify(value);
  return `${name}=${text.length > 60 ? `${text.slice(0, 59)}…` : text}`;
}
