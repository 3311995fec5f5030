const MASK = '***';
/** Names of fields that hold what opens something. */
const SECRET = /secret|password|passwd|token|authorization|(^|_)key$/i;
/** Keys of providers, wherever they stand. */
const KEYS = /\b(?:sk|rk|pk|whsec)_[A-Za-z0-9_]{8,}|\b[a-z]+_secret_[A-Za-z0-9]{8,}/g;

/** The raw body of an event without the secrets of its provider. License keys are the caller's to take out. */
export function withoutSecrets(text: string): string {
  return withoutFields(text).replace(KEYS, MASK);
}

function withoutFields(text: string): string {
  try {
    return JSON.stringify(
      JSON.parse(text, (name, value) => (isSecret(name, value) ? MASK : value)),
      null,
      2,
    );
  } catch {
    return text;
  }
}

function isSecret(name: string, value: unknown): boolean {
  return SECRET.test(name) && (typeof value === 'string' || typeof value === 'number');
}
