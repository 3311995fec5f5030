import type { Gateway } from './gateway.ts';

/** One line a provider. */
export const gateways: Readonly<Record<string, Gateway>> = {};
