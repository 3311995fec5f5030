/** What is held in memory of answers. Everything is keyed by the product's revision, so nothing of it can be out of date. */

export interface Cache<V> {
  /** What is known of `key`, else what `make` gives; made once however many ask (single flight). A failure is not kept. */
  get(key: string, make: () => Promise<V>): Promise<V>;
  /** What is known, without making it. */
  peek(key: string): V | undefined;
  set(key: string, value: V): void;
}

/** Keeps the most recently used `most` values. */
export function makeCache<V>(most: number): Cache<V> {
  const values = new Map<string, V>();
  const flights = new Map<string, Promise<V>>();

  function remember(key: string, value: V): void {
    values.delete(key);
    values.set(key, value);
    if (values.size > most) values.delete(values.keys().next().value as string);
  }

  return {
    async get(key, make) {
      const known = values.get(key);
      if (known !== undefined) {
        remember(key, known);
        return known;
      }
      const flying = flights.get(key);
      if (flying) return flying;
      const flight = make()
        .then((value) => {
          remember(key, value);
          return value;
        })
        .finally(() => flights.delete(key));
      flights.set(key, flight);
      return flight;
    },
    peek: (key) => values.get(key),
    set: remember,
  };
}
