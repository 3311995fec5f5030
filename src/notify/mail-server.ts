/** Where mails go out, as `SMTP_URL` names it. */
export interface MailServer {
  host: string;
  port: number;
  /** TLS from the first byte on. */
  secure: boolean;
  user: string | null;
  password: string | null;
}

/** `smtp://user:password@host:587` or `smtps://…`; a text: what is wrong, without what is secret. */
export function parseMailServer(text: string): MailServer | string {
  const shape = 'must be like smtp://user:password@mail.example.com:587, or smtps://… for TLS from the start';
  if (!URL.canParse(text)) return shape;
  const { protocol, hostname, port, username, password, pathname, search } = new URL(text);
  if ((protocol !== 'smtp:' && protocol !== 'smtps:') || hostname === '') return shape;
  if (pathname !== '' && pathname !== '/') return `${shape}; a sign like / or # in a password is written as %2F or %23`;
  if (search !== '') return 'must have no query';
  const secure = protocol === 'smtps:';
  try {
    return {
      host: hostname.replace(/^\[|\]$/g, ''),
      port: port === '' ? (secure ? 465 : 587) : Number(port),
      secure,
      user: username === '' ? null : decodeURIComponent(username),
      password: password === '' ? null : decodeURIComponent(password),
    };
  } catch {
    return `${shape}; a % in a password is written as %25`;
  }
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}
