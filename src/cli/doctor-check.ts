/** One thing that the doctor looked at. */
export interface Check {
  /** For scripts: `database`, `forge`, `hook`, `public_url` ... */
  name: string;
  state: 'ok' | 'warning' | 'failed';
  detail: string;
  /** What to do about it; null: nothing. */
  fix: string | null;
}

export function ok(name: string, detail: string): Check {
  return { name, state: 'ok', detail, fix: null };
}

export function warning(name: string, detail: string, fix: string): Check {
  return { name, state: 'warning', detail, fix };
}

export function failed(name: string, detail: string, fix: string): Check {
  return { name, state: 'failed', detail, fix };
}
