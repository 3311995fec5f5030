import { aliasPathOf, isPublicHost, rawAddressOf } from './old-address.ts';

/** One old address that is to be answered here. */
export interface OldRoute {
  /** As sites have it. */
  url: string;
  product: string;
  /** Where we serve the same. */
  feedUrl: string;
  /** The path is an alias of the product, so that it is served under its own name and counted. */
  isAlias: boolean;
}

export const PROXIES = ['nginx', 'caddy'] as const;

/** Lines for the proxy before each old host, ready to paste; what no proxy can take over is told as a comment. */
export function proxyLines(routes: readonly OldRoute[], proxy: (typeof PROXIES)[number], publicUrl: string): string[] {
  const byHost = new Map<string, OldRoute[]>();
  for (const route of routes) {
    const { host } = new URL(route.url);
    byHost.set(host, [...(byHost.get(host) ?? []), route]);
  }
  const lines: string[] = [];
  for (const [host, own] of byHost) {
    lines.push(isPublicHost(host) ? `# ${host}: nobody can route it; keep a bridge file there.` : `# ${host}`);
    for (const route of own)
      lines.push(...(isPublicHost(host) ? bridgeLines(route) : [...linesOf(route, proxy, publicUrl)]));
    lines.push('');
  }
  return lines;
}

function bridgeLines({ url, product }: OldRoute): string[] {
  const raw = rawAddressOf(url);
  if (raw === null) return [`#   ${url} is no raw file of a branch: change what stands there by hand (${product})`];
  return [`#   feedgate bridge set ${product} --branch ${raw.branch} --path ${raw.path}`];
}

function linesOf(route: OldRoute, proxy: 'nginx' | 'caddy', publicUrl: string): string[] {
  const { pathname } = new URL(route.url);
  const base = new URL(publicUrl);
  const target = route.isAlias
    ? `${base.pathname.replace(/\/$/, '')}/${aliasPathOf(route.url)}`
    : new URL(route.feedUrl).pathname;
  const hint = route.isAlias
    ? []
    : [`# to have its polls counted: feedgate product alias add ${route.product} ${pathname}`];
  if (proxy === 'caddy') {
    return [
      ...hint,
      `handle ${pathname} {`,
      `\trewrite * ${target}`,
      `\treverse_proxy ${base.origin} {`,
      '\t\theader_up Host {upstream_hostport}',
      '\t}',
      '}',
    ];
  }
  return [
    ...hint,
    `location = ${pathname} {`,
    `    proxy_pass ${base.origin}${target};`,
    `    proxy_set_header Host ${base.host};`,
    '    proxy_ssl_server_name on;',
    '    proxy_set_header X-Forwarded-For $remote_addr;',
    '}',
  ];
}
