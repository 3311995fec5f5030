import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { z } from 'zod';
import { PAYMENT_SECRETS, type PaymentConfig, readPayments } from './config-payments.ts';
import { type MailConfig, mailConfig, mailFaults, mailFields } from './notify/mail-config.ts';

/** What an operator sets, from the environment (and `.env`). Each secret may also come from a file named by `NAME_FILE`. */
export interface Config {
  publicUrl: string;
  host: string;
  port: number;
  dataDir: string;
  /** null: the embedded SQLite in `dataDir`. */
  databaseUrl: string | null;
  secretKey: string | undefined;
  trustedProxies: string[];
  metricsToken: string | null;
  /** `forge/login` or `forge/id:number`: who is a site administrator where the forge does not tell. */
  siteAdmins: string[];
  logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  maxArtifactBytes: number;
  sweepMinutes: number;
  /** How long it is kept who did what. */
  auditMonths: number;
  /** How long usage keeps the names of sites. */
  usageMonths: number;
  /** Hosts and networks that webhooks may go to beside the public internet. */
  webhookAllowHosts: string[];
  payments: PaymentConfig;
  mail: MailConfig;
}

const SECRETS = ['SECRET_KEY', 'DATABASE_URL', 'METRICS_TOKEN', 'SMTP_URL', ...PAYMENT_SECRETS] as const;

const networks = z
  .string()
  .default('')
  .transform((text) => text.split(/[\s,]+/).filter((each) => each !== ''))
  .superRefine((list, context) => {
    for (const each of list) {
      const [address = '', bits] = each.split('/');
      const size = isIP(address) === 4 ? 32 : 128;
      const fits = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= size);
      if (isIP(address) === 0 || !fits) {
        context.addIssue({
          code: 'custom',
          message: `"${each}" is no network; write it like 10.0.0.0/8 (a wildcard is not taken)`,
        });
      }
    }
  });

/** A host name or a network. */
const hosts = z
  .string()
  .default('')
  .transform((text) => text.split(/[\s,]+/).filter((each) => each !== ''))
  .superRefine((list, context) => {
    for (const each of list) {
      const isHost = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/i.test(each) && isIP(each) === 0 && !/^[\d.]+$/.test(each);
      if (isHost || networks.safeParse(each).success) continue;
      context.addIssue({
        code: 'custom',
        message: `"${each}" is no host and no network; write it like crm.internal or 10.0.0.0/8`,
      });
    }
  });

const siteAdmins = z
  .string()
  .default('')
  .transform((text) => text.split(/[\s,]+/).filter((each) => each !== ''))
  .superRefine((list, context) => {
    const isName = /^[a-z0-9][a-z0-9._-]{0,59}\/(id:\d{1,19}|[a-z0-9][a-z0-9._-]*)$/i;
    for (const each of list.filter((one) => !isName.test(one))) {
      context.addIssue({
        code: 'custom',
        message: `"${each}" names nobody; write the name of the forge and the login, like github.com/ada or github.com/id:583231`,
      });
    }
  });

const Environment = z.object({
  PUBLIC_URL: z
    .url({
      protocol: /^https?$/,
      error: 'is the address at which sites reach Feedgate, like https://updates.example.com',
    })
    .transform((text) => text.replace(/\/+$/, ''))
    .refine((text) => !/[?#]/.test(text), 'must have no query and no fragment'),
  HOST: z.string().default('0.0.0.0'),
  PORT: z.coerce.number({ error: 'is a port number' }).int().min(0).max(65_535).default(8080),
  DATA_DIR: z.string().min(1).default('data'),
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'begins with postgres://')
    .optional(),
  SECRET_KEY: z.string().optional(),
  TRUSTED_PROXIES: networks,
  SITE_ADMINS: siteAdmins,
  METRICS_TOKEN: z.string().min(16, 'has at least 16 characters').optional(),
  LOG_LEVEL: z
    .enum(['debug', 'info', 'warn', 'error', 'silent'], { error: 'is debug, info, warn, error or silent' })
    .default('info'),
  MAX_ARTIFACT_MB: z.coerce.number({ error: 'is a number of megabytes' }).int().min(1).max(4_096).default(256),
  SWEEP_MINUTES: z.coerce.number({ error: 'is a number of minutes' }).int().min(1).max(1_440).default(15),
  AUDIT_MONTHS: z.coerce.number({ error: 'is a number of months' }).int().min(1).max(1_200).default(12),
  USAGE_MONTHS: z.coerce.number({ error: 'is a number of months' }).int().min(1).max(1_200).default(12),
  WEBHOOK_ALLOW_HOSTS: hosts,
  ...mailFields,
});

export type ConfigResult = { ok: true; config: Config } | { ok: false; faults: string[] };

/** Reads the configuration; every fault is told at once, in words. `defaults` are of the command (the demo needs no PUBLIC_URL). */
export function readConfig(
  env: Record<string, string | undefined>,
  defaults: Record<string, string> = {},
): ConfigResult {
  const { values, faults } = withSecretFiles({ ...defaults, ...present(env) });
  const parsed = Environment.safeParse(values);
  if (!parsed.success) {
    faults.push(
      ...parsed.error.issues.map(
        ({ path, message }) => `${path.join('.')} ${inWords(message, values, String(path[0]))}`,
      ),
    );
  }
  if (values['DATABASE_URL'] !== undefined && values['SECRET_KEY'] === undefined) {
    faults.push(
      'SECRET_KEY is required with DATABASE_URL: every instance must have the same one; `feedgate doctor --new-secret-key` makes one',
    );
  }
  const money = readPayments({ ...env, ...values });
  if (!money.ok) faults.push(...money.faults);
  if (parsed.success) faults.push(...mailFaults(parsed.data));
  if (!parsed.success || !money.ok || faults.length > 0) return { ok: false, faults };
  const set = parsed.data;
  return {
    ok: true,
    config: {
      publicUrl: set.PUBLIC_URL,
      host: set.HOST,
      port: set.PORT,
      dataDir: resolve(set.DATA_DIR),
      databaseUrl: set.DATABASE_URL ?? null,
      secretKey: set.SECRET_KEY,
      trustedProxies: set.TRUSTED_PROXIES,
      metricsToken: set.METRICS_TOKEN ?? null,
      siteAdmins: set.SITE_ADMINS,
      logLevel: set.LOG_LEVEL,
      maxArtifactBytes: set.MAX_ARTIFACT_MB * 2 ** 20,
      sweepMinutes: set.SWEEP_MINUTES,
      auditMonths: set.AUDIT_MONTHS,
      usageMonths: set.USAGE_MONTHS,
      webhookAllowHosts: set.WEBHOOK_ALLOW_HOSTS,
      payments: money.payments,
      mail: mailConfig(set),
    },
  };
}

function present(env: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== ''),
  );
}

function inWords(message: string, values: Record<string, string>, name: string): string {
  return values[name] === undefined ? `is missing: it ${message}` : message;
}

function withSecretFiles(values: Record<string, string>): { values: Record<string, string>; faults: string[] } {
  const faults: string[] = [];
  const all = { ...values };
  for (const name of SECRETS) {
    const file = values[`${name}_FILE`];
    if (file === undefined) continue;
    if (values[name] !== undefined) {
      faults.push(`${name} and ${name}_FILE are both set; keep one`);
      continue;
    }
    try {
      all[name] = readFileSync(file, 'utf8').replace(/\r?\n$/, '');
    } catch {
      faults.push(`${name}_FILE names a file that cannot be read: ${file}`);
    }
  }
  return { values: all, faults };
}

/** The process's environment, with `.env` of the working folder behind it. The only place that reads it. */
export function processEnvironment(): Record<string, string | undefined> {
  return { ...readDotEnv(), ...process.env };
}

function readDotEnv(): Record<string, string> {
  let text: string;
  try {
    text = readFileSync('.env', 'utf8');
  } catch {
    return {};
  }
  return parseEnv(text) as Record<string, string>;
}
