/** How Stripe's API takes its parameters: `a[b][0][c]=d`. */

export type Form = { [name: string]: FormValue };
type FormValue = string | Form | FormValue[];

export function parseForm(text: string): Form {
  const form: Form = {};
  for (const [name, value] of new URLSearchParams(text)) {
    const keys = name.replaceAll(']', '').split('[');
    put(form, keys, value);
  }
  return listed(form) as Form;
}

function put(into: Form, keys: readonly string[], value: string): void {
  const [key = '', ...rest] = keys;
  const name = key === '' ? String(Object.keys(into).length) : key;
  if (rest.length === 0) {
    into[name] = value;
    return;
  }
  const inner = into[name];
  const next: Form = typeof inner === 'object' && !Array.isArray(inner) ? inner : {};
  into[name] = next;
  put(next, rest, value);
}

/** What is numbered from 0 is a list. */
function listed(value: FormValue): FormValue {
  if (typeof value === 'string' || Array.isArray(value)) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, listed(inner)] as const);
  const numbered = entries.length > 0 && entries.every(([key], at) => key === String(at));
  return numbered ? entries.map(([, inner]) => inner) : Object.fromEntries(entries);
}

export const text = (form: Form, name: string): string | undefined => {
  const value = form[name];
  return typeof value === 'string' ? value : undefined;
};
export const inner = (form: Form, name: string): Form => {
  const value = form[name];
  return typeof value === 'object' && !Array.isArray(value) ? value : {};
};
export const list = (form: Form, name: string): Form[] => {
  const value = form[name];
  return Array.isArray(value) ? (value as Form[]) : [];
};
export const texts = (form: Form, name: string): string[] => {
  const value = form[name];
  return Array.isArray(value) ? (value as string[]) : [];
};
export const record = (form: Form, name: string): Record<string, string> => {
  return Object.fromEntries(
    Object.entries(inner(form, name)).filter(([, value]) => typeof value === 'string'),
  ) as Record<string, string>;
};
