import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { apiDocument, openCore } from '../app.ts';
import { makeLogger } from '../http/log.ts';
import { type Call, type Command, configOf, EXIT } from './command.ts';

export const openapi: Command = {
  name: 'openapi',
  summary: 'Prints the OpenAPI 3.1 document of the API; it needs no installation and touches none.',
  usage: '',
  help: ['PUBLIC_URL   the server that the document names; "/" without', 'With --json on one line.'],
  async run(call) {
    const document = await documentOf(call);
    call.io.json(document);
    call.io.say(JSON.stringify(document, null, 2));
    return EXIT.ok;
  },
};

/** The routes are made of an installation, so one is made for the moment. */
async function documentOf(call: Call) {
  const folder = await mkdtemp(join(tmpdir(), 'feedgate-openapi-'));
  const publicUrl = call.io.env['PUBLIC_URL'] || null;
  try {
    const env = { PUBLIC_URL: publicUrl ?? 'http://localhost', DATA_DIR: folder };
    const core = await openCore(configOf({ ...call.io, env }), { log: makeLogger({ level: 'silent' }) });
    try {
      return apiDocument(core, publicUrl);
    } finally {
      await core.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
