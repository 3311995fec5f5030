export interface FloodLimits {
  /** How many may come at once. */
  burst: number;
  perSecond: number;
  /** How many networks are remembered; beyond, the one that was silent the longest is forgotten. */
  networks: number;
}

export interface FloodLimiter {
  /** Takes one; refused ones take nothing. `now` is ms. `retryAfterSeconds` is a whole number, 0 where allowed. */
  take(network: string, now: number): { allowed: boolean; retryAfterSeconds: number };
}

/**
 * A token bucket a network, in this instance's memory: against floods, not against guessing (strikes are counted in the
 * database). Bounded, so that a flood from many networks costs no memory.
 */
export function makeFloodLimiter({ burst, perSecond, networks }: FloodLimits): FloodLimiter {
  // A Map keeps the order of insertion, and each touch inserts anew: the first entry is the one silent the longest.
  const buckets = new Map<string, { left: number; at: number }>();
  return {
    take(network, now) {
      const bucket = buckets.get(network) ?? { left: burst, at: now };
      // A clock that is set back must not take anything away.
      const passed = Math.max(0, now - bucket.at) / 1_000;
      const left = Math.min(burst, bucket.left + passed * perSecond);
      const allowed = left >= 1;
      buckets.delete(network);
      buckets.set(network, { left: allowed ? left - 1 : left, at: Math.max(now, bucket.at) });
      if (buckets.size > networks) forgetOldest(buckets);
      return { allowed, retryAfterSeconds: allowed ? 0 : Math.ceil((1 - left) / perSecond) };
    },
  };
}

function forgetOldest(buckets: Map<string, unknown>): void {
  for (const oldest of buckets.keys()) {
    buckets.delete(oldest);
    return;
  }
}
