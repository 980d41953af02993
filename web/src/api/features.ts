// Questions about features that several pages ask.
import type { Example, FeatureRecord, FeatureRow, Firings } from "./records";
import { names, type Place } from "../shell/place";
import { client, live } from "./client";
import { ApiError } from "./errors";

export type Group = "top" | "silent" | `interval:${0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9}` | `quantile:${0 | 1 | 2 | 3 | 4}`;

/** A place in the text. */
export interface Spot {
  document: number;
  position: number;
  /** Whether it is one where the feature's own token stands and it does not fire. */
  silent?: boolean;
}

/** All that is known of a feature. */
export function feature(place: Place, number: number, signal?: AbortSignal): Promise<FeatureRecord> {
  return client.ask("/api/v1/studies/{study}/saes/{sae}/features/{number}", { ...names(place), number }, { v: place.v }, signal);
}

/** Where it fires. */
export function examples(place: Place, number: number, group: Group, limit: number, signal?: AbortSignal) {
  return client.ask(
    "/api/v1/studies/{study}/saes/{sae}/features/{number}/examples",
    { ...names(place), number },
    { v: place.v, group, limit },
    signal,
  );
}

/** How many places are told where it is silent at its own token. */
export const MOST_SILENT = 5;

/** The text around a place: one at which it fires, or one of its silent examples. */
export async function context(place: Place, number: number, { document, position, silent }: Spot, reach: number, signal?: AbortSignal): Promise<Example> {
  if (!silent || !live) {
    return client.ask(
      "/api/v1/studies/{study}/saes/{sae}/features/{number}/context",
      { ...names(place), number },
      { v: place.v, document, position, before: reach, after: reach },
      signal,
    );
  }
  // A server tells of a single place only where it fires; the silent examples are the same at each reach.
  const found = await client.ask(
    "/api/v1/studies/{study}/saes/{sae}/features/{number}/examples",
    { ...names(place), number },
    { v: place.v, group: "silent", limit: MOST_SILENT, before: reach, after: reach },
    signal,
  );
  const own = found.examples.find((one) => one.document === document && one.position === position);
  if (!own) throw new ApiError("not_found", `position ${position} of document ${document} is no silent example of feature ${number}`);
  return own;
}

/** How often it fires how strongly, and how often not at its own token. */
export function firings(place: Place, number: number, signal?: AbortSignal): Promise<Firings> {
  return client.ask("/api/v1/studies/{study}/saes/{sae}/features/{number}/firings", { ...names(place), number }, { v: place.v }, signal);
}

/** Its single strongest example; null where it never fires. */
export async function strongest(place: Place, number: number, signal?: AbortSignal): Promise<Example | null> {
  return (await examples(place, number, "top", 1, signal)).examples[0] ?? null;
}

export interface Beginning {
  feature: FeatureRow;
  /** What chose it: its F1 on the tag that it fires on best, or null where the text has no tags. */
  tag: string | null;
  f1: number | null;
}

/** Features to begin with: the best one for each of the most common tags, else sure and strong ones. */
export async function beginnings(place: Place, signal: AbortSignal, most = 8): Promise<Beginning[]> {
  const { concepts } = await client.ask("/api/v1/studies/{study}/saes/{sae}/concepts", names(place), { v: place.v }, signal);
  const found = await Promise.all(
    concepts.slice(0, 2 * most).map(async ({ tag }): Promise<Beginning[]> => {
      const body = { tag, n: 1, off: [], };
      const { candidates } = await client.send("/api/v1/studies/{study}/saes/{sae}/find", names(place), body, signal);
      return candidates.map(({ feature, score }) => ({ feature, tag, f1: score }));
    }),
  );
  // One feature may be the best for several tags: it is named once, for the one it fits best.
  const best = found.flat().sort((a, b) => b.f1! - a.f1!);
  const once = best.filter(({ feature }, i) => best.findIndex((other) => other.feature.number === feature.number) === i);
  if (once.length >= most) return once.slice(0, most);
  const query = { v: place.v, sort: "maximum", order: "down", dead: false, limit: most } as const;
  const page = await client.ask("/api/v1/studies/{study}/saes/{sae}/features", names(place), query, signal);
  const others = page.features.filter(({ number }) => !once.some(({ feature }) => feature.number === number));
  return [...once, ...others.map((feature) => ({ feature, tag: null, f1: null }))].slice(0, most);
}
