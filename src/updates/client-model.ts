import type { PackageFacts, Platform } from '../releases/release.ts';

/** A site that is played through a client's model. */
export interface PlayedSite {
  /** Version of the platform, `5.4` or `5.4.1`. */
  version: string;
  /** Version of the extension that the site has. */
  installed: string;
  /** What the product's newest release says of itself: how the extension is called there. */
  facts: PackageFacts;
  /** The address that the site polls; it holds no key. */
  feedUrl: string;
  /** What the owner of the site typed; null: nothing. */
  key: string | null;
  /** Host name of the site; stock clients do not tell it. */
  host: string | null;
  /** True: the site has the client kit, which sends key and host with every request. */
  kit: boolean;
  php: string;
  /** The least stable word that the site takes, e.g. `stable`, `rc`. */
  stability: string;
  /** True: what is offered is fetched too. */
  download: boolean;
}

export interface Played {
  /** One sentence for the product's owner, without key and address: what such a site sees, and why. */
  sentence: string;
  /** Version that the site is offered; null: none. */
  offered: string | null;
  /** True: the offered file was fetched and installs; null: it was not tried. */
  installs: boolean | null;
}

/** Where requests really go: a preview asks a server of its own in place of the public address. */
export type Reroute = (url: string) => string;

/** What a stock client was answered. */
export interface StockAnswer {
  status: number;
  body: string;
}

/** How one kind of client behaves, for previews and for `doctor`. One folder under `feeds/`, one line in its registry. */
export interface ClientModel {
  platform: Platform;
  /** As people call it. */
  title: string;
  /** The version of the platform where none is named. */
  version: string;
  /** The last segment of the address that a stock client polls. */
  document: string;
  /** True: a stock client sends the key with its poll, since the address that it was given holds it. */
  keyInFeed: boolean;
  play(site: PlayedSite, reroute: Reroute): Promise<Played>;
  /** One poll with the headers of the stock client; throws where nothing is answered. */
  poll(url: string): Promise<StockAnswer>;
  /** Why a stock client would not even ask an address, in words; null: it would. */
  refusal(url: string): Promise<string | null>;
}
