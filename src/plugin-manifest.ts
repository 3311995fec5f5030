import { z } from 'zod';
import { FORGE_KINDS, type ForgeKind, type HookScope } from './forge/forge.ts';
import { readPackageJson } from './package-root.ts';

const Hook = z.object({
  type: z.string().optional(),
  /** Of the hook of a repository, and of an organization's too. */
  events: z.array(z.string()).min(1),
  /** What only the hook of an organization hears besides. */
  organizationEvents: z.array(z.string()).optional(),
  branchFilter: z.string().optional(),
  contentType: z.literal('json'),
  active: z.literal(true),
});

const Permission = z.string().regex(/^(releases|contents|members|hooks|statuses|pull_requests):(read|write)$/);

/** `plugin-manifest.json`: the one source of the events and permissions that Feedgate asks a forge for. */
export const PluginManifest = z.object({
  schemaVersion: z.literal(1),
  key: z.string(),
  name: z.string(),
  version: z.string(),
  description: z.string(),
  vendor: z.string(),
  url: z.string(),
  paths: z.record(z.string(), z.string()),
  events: z.array(z.enum(['release', 'tag', 'repository', 'membership'])),
  /** What everything else rests on. */
  permissions: z.array(Permission),
  /** By what needs them: whoever does without it need not give them. */
  optionalPermissions: z.record(z.string(), z.array(Permission)),
  forges: z.record(
    z.enum(FORGE_KINDS),
    z.object({
      hook: Hook,
      tokenScopes: z.array(z.string()),
      optionalTokenScopes: z.record(z.string(), z.array(z.string())).default({}),
    }),
  ),
});
export type PluginManifest = z.infer<typeof PluginManifest>;

export const pluginManifest: PluginManifest = PluginManifest.parse(readPackageJson('plugin-manifest.json'));

/** The events that a hook in this place asks for; every other one that arrives is kept as ignored. */
export function hookEventsOf(kind: ForgeKind, place: HookScope['kind']): readonly string[] {
  const { events, organizationEvents = [] } = pluginManifest.forges[kind].hook;
  return place === 'repository' ? events : [...events, ...organizationEvents];
}

const ABOUT_PEOPLE = ['member', 'membership', 'organization', 'team'];

/** Whether an event tells that somebody's rights may have changed. What it says of them is not read. */
export function isAboutPeople(event: string): boolean {
  return ABOUT_PEOPLE.includes(event);
}

/** As served: every address absolute. */
export function absoluteManifest(publicUrl: string): PluginManifest {
  const absolute = (path: string) => `${publicUrl}${path === '/' ? '' : path}`;
  const paths = Object.fromEntries(Object.entries(pluginManifest.paths).map(([name, path]) => [name, absolute(path)]));
  return { ...pluginManifest, url: absolute(pluginManifest.url), paths };
}
