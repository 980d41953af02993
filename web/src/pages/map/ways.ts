// The ways to colour a map. A new way is one row, and one branch of the legend.
import type { Loaded } from "./load";

export type WayId = "density" | "cluster" | "sae" | "kind" | "match" | "cosine";

export interface Way {
  id: WayId;
  name: string;
  /** Whether it says anything of this map. */
  has: (map: Loaded, picked: boolean) => boolean;
}

const several = ({ points }: Loaded) => points.saes.length > 1;

export const WAYS: readonly Way[] = [
  { id: "sae", name: "SAE", has: several },
  { id: "kind", name: "Kept or split", has: ({ across }) => across !== null },
  { id: "cluster", name: "Cluster", has: ({ clusters }) => clusters.length > 0 },
  { id: "density", name: "Density", has: ({ points }) => points.density.some((one) => !Number.isNaN(one)) },
  { id: "match", name: "Word or tag", has: () => true },
  { id: "cosine", name: "Cosine", has: (_, picked) => picked },
];

/** The way that an address asks for where the map has it, else the first that it has. */
export function wayOf(id: string | null, map: Loaded, picked: boolean): WayId {
  const had = WAYS.filter((way) => way.has(map, picked));
  return (had.find((way) => way.id === id) ?? had[0]!).id;
}
