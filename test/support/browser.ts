/** A person's browser: cookies a host, redirects one at a time, and the headers by which browsers say where a request comes from. */
interface Page {
  status: number;
  headers: Headers;
  text: string;
  /** Where a redirect leads, absolute; null: it is none. */
  location: string | null;
}

export interface Browser {
  /** By host: name and value. */
  cookies: Map<string, Map<string, string>>;
  /** Opens an address as if it was clicked on. Follows nothing. */
  open(url: string, headers?: Record<string, string>): Promise<Page>;
  /** Sends a form of a page of ours. */
  submit(url: string, form?: Record<string, string>, headers?: Record<string, string>): Promise<Page>;
  /** What a page's own script would ask; JSON. */
  ask(method: string, url: string, body?: unknown, headers?: Record<string, string>): Promise<Page>;
  /** Opens, and follows redirects to the end. */
  follow(url: string): Promise<Page & { url: string }>;
}

export function newBrowser(): Browser {
  const cookies = new Map<string, Map<string, string>>();

  async function send(url: string, init: RequestInit): Promise<Page> {
    const { host } = new URL(url);
    const mine = cookies.get(host) ?? new Map<string, string>();
    cookies.set(host, mine);
    const headers = new Headers(init.headers);
    if (mine.size > 0) headers.set('cookie', [...mine].map((pair) => pair.join('=')).join('; '));
    headers.set('user-agent', headers.get('user-agent') ?? 'Mozilla/5.0 (test)');
    const response = await fetch(url, { ...init, headers, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) keep(mine, line);
    const location = response.headers.get('location');
    const text = await response.text();
    const to = location === null ? null : new URL(location, url).href;
    return { status: response.status, headers: response.headers, text, location: to };
  }

  const own = (url: string) => ({ origin: new URL(url).origin, 'sec-fetch-site': 'same-origin' });
  const browser: Browser = {
    cookies,
    open: (url, headers = {}) => send(url, { headers: { 'sec-fetch-site': 'none', ...headers } }),
    submit: (url, form = {}, headers = own(url)) =>
      send(url, { method: 'POST', headers, body: new URLSearchParams(form) }),
    ask(method, url, body, headers = own(url)) {
      const json = body === undefined ? {} : { 'content-type': 'application/json' };
      const sent = body === undefined ? {} : { body: JSON.stringify(body) };
      return send(url, { method, headers: { ...json, ...headers }, ...sent });
    },
    async follow(url) {
      for (let at = url, hops = 0; hops < 10; hops++) {
        const page = await browser.open(at);
        if (page.location === null) return { ...page, url: at };
        at = page.location;
      }
      throw new Error('redirected on and on');
    },
  };
  return browser;
}

function keep(mine: Map<string, string>, line: string): void {
  const [pair = ''] = line.split(';');
  const at = pair.indexOf('=');
  const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
  if (value === '' || /max-age=0\b/i.test(line)) mine.delete(name);
  else mine.set(name, value);
}
