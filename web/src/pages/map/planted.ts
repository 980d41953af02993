// Small maps for tests, with places that are known.
import type { MapRecord } from "./points";
import { pointsOf, type Points } from "./points";

const FIGURES: MapRecord["figures"] = { kept: 0, kept_wide: 0, random: 0, random_wide: 0, chance: 0.2, clusters: 0, largest_cluster: 0, clustered_share: 0 };

/** A map of one SAE called `main`, from places and clusters. */
export function planted(xy: readonly (readonly [number | null, number | null])[], more: Partial<MapRecord> = {}): Points {
  const none = xy.map(() => null);
  return pointsOf({
    name: "main",
    version: "1",
    saes: [{ name: "main", start: 0, features: xy.length }],
    figures: FIGURES,
    x: xy.map(([x]) => x),
    y: xy.map(([, y]) => y),
    cluster: none,
    density: none,
    ...more,
  });
}

/** Numbers from 0 to 1 that are the same each time. */
export function random(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 16807) % 2147483647) / 2147483647;
}

export function scattered(size: number, seed = 1): Points {
  const next = random(seed);
  return planted(Array.from({ length: size }, () => [10 * next(), 4 * next() ** 3]));
}
