import { PaymentTrouble } from '../../errors.ts';
import { minorDigits } from '../../money.ts';

/** PayPal takes no fractions of these, though they have a minor unit (but for the yen). */
const WHOLE_ONLY = ['JPY', 'HUF', 'TWD'];

/** `"12.50"` EUR is 1250, `"12"` HUF is 1200 and `"12"` JPY is 12. */
export function toMinor(value: string, currency: string): number {
  const match = /^(-?)(\d{1,15})(?:\.(\d{1,6}))?$/.exec(value);
  const digits = minorDigits(currency);
  const [, sign = '', whole = '', fraction = ''] = match ?? [];
  const rest = fraction.slice(digits);
  const minor = Number(`${whole}${fraction.slice(0, digits).padEnd(digits, '0')}`);
  if (match === null || /[1-9]/.test(rest) || !Number.isSafeInteger(minor)) {
    throw new PaymentTrouble('bad_answer', `PayPal named an amount of ${currency} that is none`);
  }
  return sign === '-' ? 0 - minor : minor;
}

/** Refused where PayPal takes no such fraction. */
export function toValue(minor: number, currency: string): string {
  const digits = minorDigits(currency);
  const text = String(minor).padStart(digits + 1, '0');
  const whole = text.slice(0, text.length - digits);
  const fraction = text.slice(text.length - digits);
  if (!WHOLE_ONLY.includes(currency)) return digits === 0 ? whole : `${whole}.${fraction}`;
  if (/[1-9]/.test(digits === 0 ? '' : fraction)) {
    throw new PaymentTrouble('refused', `PayPal takes no fractions of ${currency}`);
  }
  return whole;
}
