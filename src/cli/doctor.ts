import { randomBytes } from 'node:crypto';
import { type Call, type Command, EXIT, flagOf } from './command.ts';
import { type Check, failed, ok } from './doctor-check.ts';
import { checkBypass, checkClock, checkJobs, checkModes, checkPublicUrls } from './doctor-checks.ts';
import { checkForges } from './doctor-forges.ts';
import { checkDatabase, checkDisk, checkSecretKey } from './doctor-ground.ts';
import { checkMail } from './doctor-mail.ts';
import { checkMoving } from './doctor-moving.ts';
import { checkOwners } from './doctor-owners.ts';
import { coreConfig, withCore } from './session.ts';

export const doctor: Command = {
  name: 'doctor',
  summary: 'Checks the whole installation and says how to mend what is wrong.',
  usage: '[--new-secret-key]',
  help: [
    'Checks the secret key, database, disk, clock, forges and hooks, owners, the public address with the headers of each client,',
    'products that hide their updates, files that the forge gives to anybody, jobs that are stuck, and mail.',
    'Exit code 0: nothing failed (there may be warnings); 1: something failed; 3: the configuration is wrong.',
    '--new-secret-key   prints a fresh value for SECRET_KEY and does nothing else',
  ],
  options: { 'new-secret-key': { type: 'boolean' } },
  async run(call) {
    if (flagOf(call.values, 'new-secret-key')) {
      const key = `${randomBytes(32).toString('hex')}:${randomBytes(32).toString('hex')}`;
      call.io.json({ secret_key: key });
      call.io.say(key);
      return EXIT.ok;
    }
    const checks = await allChecks(call);
    call.io.json({ ok: !isFailed(checks), checks });
    for (const check of checks) call.io.say(words(check));
    const count = (state: Check['state']) => checks.filter((check) => check.state === state).length;
    call.io.say(`\n${count('ok')} fine, ${count('warning')} warnings, ${count('failed')} failed.`);
    return isFailed(checks) ? EXIT.failed : EXIT.ok;
  },
};

function isFailed(checks: readonly Check[]): boolean {
  return checks.some(({ state }) => state === 'failed');
}

/** The ground first: what stands on it is not looked at where it does not hold. */
async function allChecks(call: Call): Promise<Check[]> {
  const config = coreConfig(call, 'publicUrl');
  call.io.note('secret key, database, disk ...');
  const ground = [await checkSecretKey(config), await checkDatabase(config), await checkDisk(config)];
  if (ground[0]?.state === 'failed' || ground[1]?.state !== 'ok') return ground;
  try {
    return [...ground, ...(await upperChecks(call))];
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return [...ground, failed('installation', detail, 'Mend this first; then ask the doctor again.')];
  }
}

async function upperChecks(call: Call): Promise<Check[]> {
  return withCore(call, 'publicUrl', async (core) => {
    const checks: Check[] = [];
    const steps = {
      clock: checkClock,
      forges: checkForges,
      owners: checkOwners,
      public_url: checkPublicUrls,
      modes: checkModes,
    } as const;
    for (const [name, step] of Object.entries({
      ...steps,
      gate: checkBypass,
      moving: checkMoving,
      jobs: checkJobs,
      mail: checkMail,
    })) {
      call.io.note(`${name} ...`);
      const found = await step(core);
      checks.push(...(found.length > 0 ? found : [ok(name, 'nothing to check yet')]));
    }
    return checks;
  });
}

const MARKS: Record<Check['state'], string> = { ok: 'ok      ', warning: 'WARNING ', failed: 'FAILED  ' };

function words({ state, name, detail, fix }: Check): string {
  const first = `${MARKS[state]}${name}: ${detail}`;
  return fix === null ? first : `${first}\n        ${fix.replaceAll('\n', '\n        ')}`;
}
