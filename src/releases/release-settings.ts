import { parseDocument } from 'yaml';
import { z } from 'zod';
import { globSchema } from './asset-choice.ts';
import { PLATFORMS, type Platform, type TargetRange } from './release.ts';
import { parseTargetRange } from './target-range.ts';

/** Where a vendor puts what the tag, the file and the manifest cannot say. Read at the tag, so every release has its own. */
export const RELEASE_SETTINGS_PATH = '.feedgate.yml';

interface PlatformSettings {
  /** Versions of the platform that the release runs on; null: the product's setting or the manifest decides. */
  target: TargetRange | null;
  /** Globs of the file to ship, tried in order; empty: the product's setting decides. */
  assets: string[];
  /** Which of several manifests or descriptors is meant: Joomla's element, Dolibarr's module. */
  hint: string | null;
}

/** null means that the file does not say, and that the product's own setting holds. */
export interface ReleaseSettings {
  channel: string | null;
  security: boolean | null;
  /** Path of the changelog in the repository. */
  changelog: string | null;
  phpMinimum: string | null;
  platforms: Record<Platform, PlatformSettings>;
}

export type SettingsResult = { ok: true; settings: ReleaseSettings } | { ok: false; detail: string };

const BYTES_LIMIT = 16_384;

const target = z.unknown().transform((value, context): TargetRange => {
  const read = parseTargetRange(value);
  if (read.ok) return read.range;
  context.addIssue({ code: 'custom', message: read.detail });
  return z.NEVER;
});
const assets = z.union(
  [
    globSchema.transform((one) => [one]),
    z.array(globSchema).min(1, 'a pattern is missing').max(20, 'at most 20 patterns'),
  ],
  {
    error: 'a pattern such as "*-pro.zip", or a list of them, without blanks',
  },
);
const element = z.string().regex(/^[a-z0-9_.-]{1,100}$/i, 'letters, digits, dots, dashes and underscores');

const schema = z.strictObject({
  channel: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,30}$/, 'the name of a channel, in lower case')
    .optional(),
  security: z.enum(['true', 'false'], { error: 'write true or false' }).optional(),
  changelog: z
    .string()
    .max(200)
    .refine(isRepositoryPath, 'a path inside the repository, such as "CHANGELOG.md"')
    .optional(),
  php: z
    .string()
    .regex(/^\d{1,3}(\.\d{1,3}){0,2}$/, 'the lowest PHP version, such as "8.1"')
    .optional(),
  joomla: z
    .strictObject({ target: target.optional(), asset: assets.optional(), element: element.optional() })
    .optional(),
  dolibarr: z
    .strictObject({ target: target.optional(), asset: assets.optional(), module: element.optional() })
    .optional(),
});

/**
 * Reads `.feedgate.yml`. Every key is optional and an unknown one is an error, so that a misspelled key is not silently without
 * effect. All values are read as text, so that `target: 5.10` is not 5.1. At most 16 kB; aliases are refused, because a few lines of
 * them can unfold to gigabytes. `detail` is one sentence for the vendor and names the key.
 */
export function parseReleaseSettings(bytes: Uint8Array): SettingsResult {
  if (bytes.byteLength > BYTES_LIMIT) return fault(`the file is larger than ${BYTES_LIMIT / 1024} kB`);
  const raw = readYaml(bytes);
  if (!raw.ok) return raw;
  const parsed = schema.safeParse(raw.value ?? {});
  if (!parsed.success) return fault(issueText(parsed.error.issues[0]));
  const { channel, security, changelog, php, joomla, dolibarr } = parsed.data;
  return {
    ok: true,
    settings: {
      channel: channel ?? null,
      security: security === undefined ? null : security === 'true',
      changelog: changelog ?? null,
      phpMinimum: php ?? null,
      platforms: {
        joomla: { target: joomla?.target ?? null, assets: joomla?.asset ?? [], hint: joomla?.element ?? null },
        dolibarr: { target: dolibarr?.target ?? null, assets: dolibarr?.asset ?? [], hint: dolibarr?.module ?? null },
      },
    },
  };
}

type YamlResult = { ok: true; value: unknown } | { ok: false; detail: string };

function readYaml(bytes: Uint8Array): YamlResult {
  const text = decoded(bytes);
  if (text === null) return fault('it is not UTF-8 text');
  try {
    const document = parseDocument(text, { schema: 'failsafe', stringKeys: true });
    const error = document.errors[0] ?? document.warnings[0];
    if (error) return fault(`it is not valid YAML: ${firstLine(error.message)}`);
    if (document.contents === null || isEmptyScalar(document.contents)) return { ok: true, value: null };
    return { ok: true, value: document.toJS({ maxAliasCount: 0 }) };
  } catch (error) {
    return fault(error instanceof ReferenceError ? 'aliases (*name) are not allowed' : 'it is nested too deeply');
  }
}

function decoded(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** Under the failsafe schema a file of comments only is one empty text. */
function isEmptyScalar(contents: unknown): boolean {
  return typeof contents === 'object' && contents !== null && 'value' in contents && contents.value === '';
}

function isRepositoryPath(path: string): boolean {
  const segments = path.split('/');
  return (
    !/[\p{Cc}\\:]/u.test(path) && segments.every((segment) => segment !== '' && segment !== '.' && segment !== '..')
  );
}

function issueText(issue: z.core.$ZodIssue | undefined): string {
  if (!issue) return 'it cannot be read';
  const path = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    const key = [path, firstLine(issue.keys[0] ?? '')].filter((part) => part !== '').join('.');
    return `the key "${key}" is unknown; there are ${knownKeys(path).join(', ')}`;
  }
  return path === '' ? 'it must hold keys with values, such as "channel: beta"' : `${path}: ${issue.message}`;
}

function knownKeys(path: string): string[] {
  if (!PLATFORMS.some((platform) => platform === path)) return Object.keys(schema.shape);
  return path === 'joomla' ? ['target', 'asset', 'element'] : ['target', 'asset', 'module'];
}

function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').slice(0, 150).replace(/:$/, '');
}

function fault(detail: string): { ok: false; detail: string } {
  return { ok: false, detail };
}
