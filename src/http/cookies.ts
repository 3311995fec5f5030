/**
 * Our cookies. Over https their names begin with `__Host-`, so that no other host and no plain page can plant one; over http
 * browsers refuse such names, so they are plain there. https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis
 */
export interface CookieJar {
  /** The value that the browser sent; null: none, or one that we never set. */
  read(header: string | undefined, name: CookieName): string | null;
  /** A `Set-Cookie` line. Lax: it comes along when a link in a mail or the forge leads here, but not with a foreign form. */
  set(name: CookieName, value: string, maxAgeSeconds: number): string;
  clear(name: CookieName): string;
}

type CookieName = 'session' | 'sign-in';

/** Long enough that nobody guesses one: 32 bytes in base64url. */
const VALUE = /^[A-Za-z0-9_-]{43}$/;

export function cookieJar(publicUrl: string): CookieJar {
  const secure = publicUrl.startsWith('https:');
  const fullName = (name: CookieName) => `${secure ? '__Host-' : ''}feedgate-${name}`;
  const line = (name: CookieName, value: string, age: number) =>
    `${fullName(name)}=${value}; Path=/; Max-Age=${age}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
  return {
    read(header, name) {
      const wanted = `${fullName(name)}=`;
      const values = (header ?? '').split(/;\s*/).filter((each) => each.startsWith(wanted));
      // Two of one name: one of them was planted, and nothing tells which.
      const value = values.length === 1 ? values[0]?.slice(wanted.length) : undefined;
      return value !== undefined && VALUE.test(value) ? value : null;
    },
    set: line,
    clear: (name) => line(name, '', 0),
  };
}
