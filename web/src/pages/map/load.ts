// What the page asks, and what it makes of the answers.
import { client } from "../../api/client";
import { card } from "../../api/cards";
import { feature } from "../../api/features";
import type { FeatureCard, FeatureRecord, FeatureRow } from "../../api/records";
import { plural } from "../../lib/format";
import { nameOf } from "../../lib/names";
import type { Place } from "../../shell/place";
import { Across } from "./family";
import { Grid } from "./grid";
import { pointOf, pointsOf, type Cluster, type Feature, type Points } from "./points";

const CLUSTERS = 400;
/** What one search gives at most. */
export const MOST_MATCHES = 100;

export interface Loaded {
  points: Points;
  grid: Grid;
  clusters: Cluster[];
  /** For maps of several SAEs. */
  across: Across | null;
}

let kept: Loaded | null = null;

/** A map with its clusters. Its version is told by its clusters, so that the long answer can be kept. */
export async function loaded(study: string, map: string, signal: AbortSignal): Promise<Loaded> {
  const path = "/api/v1/studies/{study}/maps/{map}";
  const { clusters, version } = await client.ask(`${path}/clusters`, { study, map }, { limit: CLUSTERS, central: 5 }, signal);
  if (kept?.points.version === version) return kept;
  const record = await client.ask(path, { study, map }, { v: version }, signal);
  const points = pointsOf(record);
  const across = record.saes.length > 1 ? new Across(await client.ask(`${path}/across`, { study, map }, { v: version }, signal)) : null;
  kept = { points, grid: new Grid(points), clusters, across };
  return kept;
}

/** The same page for another SAE of the study. */
export function placeOf(place: Place, sae: string): Place {
  const summary = place.saes.find(({ name }) => name === sae);
  if (sae === place.sae || !summary) return place;
  return { ...place, sae, summary, v: summary.index === "unfinished" ? null : summary.version };
}

/** All that is known of a feature of a map; null where its SAE has no index. */
export async function recordOf(place: Place, { sae, number }: Feature, signal?: AbortSignal): Promise<FeatureRecord | null> {
  const own = placeOf(place, sae);
  return own.summary.index === "absent" ? null : feature(own, number, signal);
}

/** Its cosines with all features of its SAE. */
export async function cosinesOf(place: Place, { sae, number }: Feature, signal: AbortSignal): Promise<(number | null)[]> {
  const own = placeOf(place, sae);
  const names = { study: own.study, sae, number };
  return (await client.ask("/api/v1/studies/{study}/saes/{sae}/features/{number}/cosines", names, { v: own.v }, signal)).cosine;
}

/** What a row of a list shows of it; null where its SAE has no index. */
export async function cardOf(place: Place, { sae, number }: Feature): Promise<FeatureCard | null> {
  const own = placeOf(place, sae);
  return own.summary.index === "absent" ? null : card(own, number);
}

export async function nameOfFeature(place: Place, one: Feature): Promise<string> {
  const found = await cardOf(place, one).catch(() => null);
  return found ? nameOf(found) : "no name yet";
}

export interface Match extends Feature {
  point: number;
  row: FeatureRow;
}

/** Features of a map whose words or tag match, of each SAE at most `MOST_MATCHES`, best first. */
export async function matches(place: Place, points: Points, text: string, signal: AbortSignal): Promise<Match[]> {
  const found = await Promise.all(
    points.saes.map(async ({ name: sae }): Promise<Match[]> => {
      const own = placeOf(place, sae);
      if (own.summary.index !== "made") return [];
      const names = { study: own.study, sae };
      const body = { n: MOST_MATCHES, off: [] };
      const { concepts } = await client.ask("/api/v1/studies/{study}/saes/{sae}/concepts", names, { v: own.v }, signal);
      const way = concepts.some(({ tag }) => tag === text) ? { tag: text } : { text };
      const { candidates } = await client.send("/api/v1/studies/{study}/saes/{sae}/find", names, { ...body, ...way }, signal);
      return candidates.map(({ feature: row }) => ({ sae, number: row.number, row, point: pointOf(points, { sae, number: row.number })! }));
    }),
  );
  return found.flat();
}

/** "16,384 features of l19w", "20,480 features of small and wide". */
export function titleOf({ size, saes }: Points): string {
  return `${plural(size, "feature")} of ${saes.map(({ name }) => name).join(" and ")}`;
}
