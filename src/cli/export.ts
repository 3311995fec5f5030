import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { audit } from '../audit/audit.ts';
import { requireOrganization } from '../forge/forge-reads.ts';
import { writeTextFile } from '../imports/files-io.ts';
import { giveOut } from '../imports/give-out.ts';
import { type Command, EXIT, flagOf, required, textOf } from './command.ts';
import { byCli, withCore } from './session.ts';

export const exportCommand: Command = {
  name: 'export',
  summary:
    'Gives back all packages, customers, licenses, keys and sites of an organization, as `feedgate import all` reads them.',
  usage: '--organization acme [--out folder|-] [--with-keys]',
  help: [
    '--out        a folder for acme.jsonl (the current one), or - for stdout',
    '--with-keys  keys as they are typed; without, their SHA-256: imported, they go on working and are shown again once used',
  ],
  options: {
    organization: { type: 'string' },
    org: { type: 'string' },
    out: { type: 'string' },
    'with-keys': { type: 'boolean' },
  },
  async run(call) {
    const { values, io } = call;
    const slug = required(textOf(values, 'organization') ?? textOf(values, 'org'), '--organization');
    const out = textOf(values, 'out') ?? '.';
    return withCore(call, 'database', async (core) => {
      const organization = await requireOrganization(core.db, slug);
      const withKeys = flagOf(values, 'with-keys');
      const by = byCli(core);
      const changes = { with_keys: withKeys };
      const event = {
        actor: by.actor,
        action: 'organization.export',
        entity: 'organization',
        entityId: organization.id,
      };
      await core.db.tx((tx) => audit(tx, { ...event, changes, requestId: null }, by.now));
      if (out !== '-') await mkdir(out, { recursive: true });
      const path = join(out, `${organization.slug}.jsonl`);
      const file = out === '-' ? null : writeTextFile(path);
      let count = 0;
      for await (const item of giveOut(core.db, core.secrets, { organization, withKeys })) {
        const line = JSON.stringify(item);
        if (file) await file.write(`${line}\n`);
        else io.say(line);
        count += 1;
      }
      await file?.close();
      if (file) io.json({ file: path, lines: count });
      io.note(file ? `${count} lines in ${path}.` : `${count} lines.`);
      return EXIT.ok;
    });
  },
};
