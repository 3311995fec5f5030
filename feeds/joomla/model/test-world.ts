import { createHash } from 'node:crypto';
import { ZipFile } from 'yazl';
import type { Http, HttpRequest, InstalledExtension, JoomlaSite } from './site.ts';

/** A Joomla 5.2.1 that takes stable only, with com_example 1.0.0 in the administrator. */
export function aSite(change: Partial<JoomlaSite> = {}): JoomlaSite {
  return {
    joomla: '5.2.1',
    php: '8.2.20',
    db: { type: 'mysql', version: '8.0.36' },
    minStability: 4,
    extensions: [anExtension()],
    extraQuery: '',
    feedUrl: 'https://updates.test/feed.xml',
    ...change,
  };
}

export function anExtension(change: Partial<InstalledExtension> = {}): InstalledExtension {
  return { type: 'component', element: 'com_example', folder: '', clientId: 1, version: '1.0.0', ...change };
}

const BASE = {
  name: '<name>Example</name>',
  element: '<element>com_example</element>',
  type: '<type>component</type>',
  folder: '',
  client: '<client>administrator</client>',
  version: '<version>1.2.0</version>',
  downloads:
    '<downloads><downloadurl type="full" format="zip">https://updates.test/dl/ex.zip</downloadurl></downloads>',
  target: '<targetplatform name="joomla" version="5.*"/>',
  tags: '<tags><tag>stable</tag></tags>',
  more: '',
};

export type EntryParts = Partial<typeof BASE>;

export function anEntry(change: EntryParts = {}): string {
  return `<update>${Object.values({ ...BASE, ...change }).join('\n  ')}</update>\n`;
}

export function aFeed(...entries: string[]): string {
  return `<?xml version="1.0" encoding="utf-8"?>\n<updates>\n${entries.join('')}</updates>\n`;
}

export interface Route {
  status?: number;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
}

/** A table in place of a network: whatever is not in it is not answered. `asked` keeps the requests in order. */
export function aWorld(routes: Record<string, Route | string>): { http: Http; asked: HttpRequest[] } {
  const asked: HttpRequest[] = [];
  async function http(request: HttpRequest) {
    asked.push(request);
    const route = routes[request.url];
    if (route === undefined) throw new Error('nobody answers there');
    const { status = 200, headers = {}, body = '' } = typeof route === 'string' ? { body: route } : route;
    return { status, headers, body: typeof body === 'string' ? Buffer.from(body) : body, url: request.url };
  }
  return { http, asked };
}

export const MANIFEST = '<extension type="component" method="upgrade"><name>Example</name></extension>';

export async function aZip(files: Record<string, string> = { 'example.xml': MANIFEST }): Promise<Buffer> {
  const zip = new ZipFile();
  for (const [path, content] of Object.entries(files)) zip.addBuffer(Buffer.from(content), path);
  zip.end();
  const chunks: Uint8Array[] = [];
  for await (const chunk of zip.outputStream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

export function hashOf(algorithm: string, bytes: Uint8Array): string {
  return createHash(algorithm).update(bytes).digest('hex');
}
