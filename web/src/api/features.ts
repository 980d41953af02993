// Questions about features that several pages ask.
import type { Beginning, Example, FeatureRecord, Firings } from "./records";
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

/** How often it fires how strongly, at which tokens, and how often not at its own. */
export function firings(place: Place, number: number, signal?: AbortSignal): Promise<Firings> {
  return client.ask("/api/v1/studies/{study}/saes/{sae}/features/{number}/firings", { ...names(place), number }, { v: place.v }, signal);
}

/** Its single strongest example; null where it never fires. */
export async function strongest(place: Place, number: number, signal?: AbortSignal): Promise<Example | null> {
  return (await examples(place, number, "top", 1, signal)).examples[0] ?? null;
}

/** Features to begin with: the best one for each of the most common tags, else strong ones. */
export async function beginnings(place: Place, signal: AbortSignal, most = 8): Promise<Beginning[]> {
  const query = { v: place.v, limit: most };
  return (await client.ask("/api/v1/studies/{study}/saes/{sae}/beginnings", names(place), query, signal)).features;
}
