import { otherPlatform, type Refusal, refuseTarget } from './requirements.ts';
import { clientByName, type JoomlaSite } from './site.ts';
import { readXml } from './xml-events.ts';

/** One line of a collection; attribute names in lower case. */
export interface CollectionLine {
  attributes: Map<string, string>;
  /** null: no such client. */
  clientId: number | null;
  /** Why it makes no row; null if it does. */
  refusal: Refusal | null;
}

/** A list of many extensions. There is no "newest wins": every line that fits is a row. A `category` with `ref` leads nowhere. */
export function parseCollection(body: Uint8Array, site: JoomlaSite): { ok: boolean; lines: CollectionLine[] } {
  const lines: CollectionLine[] = [];
  const ok = readXml(body, {
    open(name, given) {
      if (name !== 'EXTENSION') return;
      const attributes = new Map([...given].map(([key, value]) => [key.toLowerCase(), value]));
      const clientId = clientByName(attributes.get('client') ?? 'site');
      lines.push({ attributes, clientId, refusal: refuse(attributes, site) });
    },
    close() {},
    text() {},
  });
  return { ok, lines };
}

function refuse(attributes: Map<string, string>, site: JoomlaSite): Refusal | null {
  const platform = attributes.get('targetplatform') ?? 'joomla';
  if (platform !== 'joomla') return otherPlatform(platform);
  const own = site.joomla.split('.').slice(0, 2).join('.');
  return refuseTarget(attributes.get('targetplatformversion') ?? own, site.joomla);
}
