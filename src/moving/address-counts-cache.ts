import type { AddressCount } from './address-count.ts';

/** Polls by product and address since they were last written down. */
export interface AddressCounts {
  note(productId: string, path: string, at: string): void;
  /** Everything that was noted, and nothing of it again. */
  take(): AddressCount[];
  /** Those that could not be written. */
  giveBack(counts: readonly AddressCount[]): void;
}

/** A statistic: what a crash loses of it is a few seconds' worth. */
export function makeAddressCounts(): AddressCounts {
  let counts = new Map<string, AddressCount>();
  function add({ productId, path, day, count, lastAt }: AddressCount): void {
    const key = `${productId}\n${path}\n${day}`;
    const known = counts.get(key);
    if (!known) counts.set(key, { productId, path, day, count, lastAt });
    else {
      known.count += count;
      if (lastAt > known.lastAt) known.lastAt = lastAt;
    }
  }
  return {
    note: (productId, path, at) => add({ productId, path, day: at.slice(0, 10), count: 1, lastAt: at }),
    take() {
      const taken = [...counts.values()];
      counts = new Map();
      return taken;
    },
    giveBack: (given) => given.forEach(add),
  };
}
