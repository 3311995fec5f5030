import { holdsRole, type Role } from '../../src/accounts/role.ts';
import type { Route } from '../../src/http/route.ts';

/** Who may call: the columns of the table in docs/access.md. */
export const CALLERS = [
  'viewer',
  'support',
  'manager',
  'repository admin',
  'organization owner',
  'site administrator',
] as const;
export type TableCaller = (typeof CALLERS)[number];

const ROLE_OF: Record<TableCaller, Role> = {
  viewer: 'viewer',
  support: 'support',
  manager: 'manager',
  'repository admin': 'admin',
  'organization owner': 'admin',
  'site administrator': 'site_admin',
};

/** Things that can belong to one repository; all others, and lists of no place, are for whoever has a role in the organization. */
const OF_REPOSITORY = /\/(products|releases|keys|licenses|grants|batches|audit)\/\{id\}|\{repo\}/;

/** Whether the table says yes. A repository's admin is one for what is his repository's alone. */
export function mayCall(route: Route, caller: TableCaller): boolean {
  if (route.role === null || route.role === 'self') return true;
  if (caller === 'repository admin' && !OF_REPOSITORY.test(route.path)) return false;
  return holdsRole(ROLE_OF[caller], route.role);
}

const HEAD = `# Who may call what

A token needs the scope; a person needs the role, which comes from the forge. Scopes: \`licenses:write\` includes \`licenses:read\` and
\`payments:write\`; \`admin\` includes all; *any* is every token of the organization; *unbound* is a token that is bound to no organization.
A token that is bound to a product reaches what concerns that product alone.

Roles: *viewer*, *support* and *manager* are what an organization gives to its teams (each includes those before it). A *repository
admin* is one for what belongs to his repository alone; an *organization owner* for all of the organization; a *site administrator* is
the forge's, or the operator, who came by a login link. Things of another organization are not there for anybody: 404.

This page is made from the routes by \`npm run access\`; a test calls every route in every role and compares.
`;

/** The page docs/access.md. */
export function accessPage(routes: readonly Route[]): string {
  const tags = [...new Set(routes.map(({ tag }) => tag))].sort();
  const tables = tags.map((tag) => {
    const rows = routes.filter((route) => route.tag === tag).sort((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1));
    return `\n## ${tag.charAt(0).toUpperCase()}${tag.slice(1)}\n\n${tableOf(rows)}`;
  });
  return `${HEAD}${tables.join('')}`;
}

function orderOf({ path, method }: Route): string {
  return `${path} ${method}`;
}

function tableOf(routes: readonly Route[]): string {
  const lines = routes.map((route) => {
    const cells = CALLERS.map((caller) => (mayCall(route, caller) ? 'yes' : ''));
    const call = `\`${route.method.toUpperCase()} ${route.path.replace('/api/v1', '')}\``;
    return `| ${[call, tokenCell(route), ...cells].join(' | ')} |\n`;
  });
  const heads = ['', 'token', ...CALLERS];
  return `| ${heads.join(' | ')} |\n|${heads.map(() => '---|').join('')}\n${lines.join('')}`;
}

function tokenCell({ scope, role }: Route): string {
  if (scope === 'public') return 'nobody asks';
  const words = scope === 'any' ? '*any*' : `\`${scope}\``;
  return role === 'site_admin' ? `${words}, *unbound*` : words;
}
