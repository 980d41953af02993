// How a statistic is spread over the features that fire: a histogram with logarithmic bins.
//
// The API lists features and says how many a list has; a list from a bound on has as many as lie above it, so the
// differences between bounds are exact counts. Answers name their version and are kept.
import { names, type Place } from "../shell/place";
import { client } from "./client";

export type Statistic = "density" | "maximum" | "mean";

export interface Distribution {
  /** Of the bins, ascending, one more than counts. */
  edges: number[];
  counts: number[];
}

const BINS = 20;

/** Null where no feature fires. */
export async function distribution(place: Place, statistic: Statistic, signal: AbortSignal): Promise<Distribution | null> {
  const list = (query: Record<string, unknown>) =>
    client.ask(
      "/api/v1/studies/{study}/saes/{sae}/features",
      names(place),
      { v: place.v, dead: false, limit: 1, sort: statistic, ...query },
      signal,
    );
  const [up, down] = await Promise.all([list({ order: "up" }), list({ order: "down" })]);
  const low = up.features[0]?.[statistic];
  const high = down.features[0]?.[statistic];
  if (!low || !high) return null;
  const edges = edgesOf(low, high);
  const above = await Promise.all(edges.slice(1, -1).map((edge) => list({ [`min_${statistic}`]: edge })));
  return { edges, counts: differences([up.total, ...above.map(({ total }) => total), 0]) };
}

/** Edges spaced evenly in log from the least to the largest value. */
export function edgesOf(low: number, high: number, bins = BINS): number[] {
  if (high <= low) return [low, low * 1.0001];
  return Array.from({ length: bins + 1 }, (_, i) => low * (high / low) ** (i / bins));
}

/** From how many lie above each edge to how many lie between edges. */
export function differences(above: readonly number[]): number[] {
  return above.slice(0, -1).map((n, i) => n - above[i + 1]!);
}
