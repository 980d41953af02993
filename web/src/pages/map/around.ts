// A feature, its neighbours, and theirs: everything that the picture around one feature shows.
import type { FeatureRecord } from "../../api/records";
import { nameOf } from "../../lib/names";
import type { Place } from "../../shell/place";
import type { Across } from "./family";
import { nameOfFeature, recordOf } from "./load";
import type { Feature } from "./points";

export interface Near extends Feature {
  name: string;
  /** With the feature in the middle. */
  cosine: number;
  /** What it is to it in another SAE; null for a neighbour in the same one. */
  kin: "parent" | "child" | null;
}

export interface Further extends Feature {
  name: string;
  /** Places of the neighbours that it is a neighbour of, the likest first. */
  of: number[];
  /** With the first of those. */
  cosine: number;
}

export interface Neighbourhood {
  middle: FeatureRecord;
  near: Near[];
  further: Further[];
  /** How alike each two of `near` are, from 0 for what is not known. */
  alike: number[][];
}

/** What each further neighbour that two share adds to how alike they count. */
const SHARED = 0.02;
const MOST_KIN = 4;

/** Or that its SAE has no index: no null, which is what stands where nothing was asked yet. */
export async function neighbourhood(place: Place, feature: Feature, across: Across | null, signal: AbortSignal): Promise<Neighbourhood | "no index"> {
  const middle = await recordOf(place, feature, signal);
  if (!middle) return "no index";
  const { sae } = feature;
  const records = await Promise.all(middle.neighbours.map(({ number }) => recordOf(place, { sae, number }, signal)));
  const own = middle.neighbours.map(({ number, cosine, name }): Near => ({ sae, number, cosine, name: nameOf({ name }), kin: null }));
  const kin = await Promise.all(
    kinOf(feature, across).map(async (one): Promise<Near> => ({ ...one, name: await nameOfFeature(place, one) })),
  );
  const lists = [...records.map((one) => one?.neighbours ?? []), ...kin.map(() => [])];
  const near = [...own, ...kin];
  return { middle, near, further: furtherOf(feature, near, lists), alike: alikeness(near, lists) };
}

type List = FeatureRecord["neighbours"];

/** Neighbours of neighbours that are neither the middle nor a neighbour, each once, by how alike they are to theirs. */
export function furtherOf(middle: Feature, near: readonly Near[], lists: readonly List[]): Further[] {
  const known = new Set([middle.number, ...near.filter(({ sae }) => sae === middle.sae).map(({ number }) => number)]);
  const found = new Map<number, Further>();
  const all = lists.flatMap((list, of) => list.map((one) => ({ ...one, of }))).sort((a, b) => b.cosine - a.cosine);
  for (const { number, name, cosine, of } of all) {
    if (known.has(number)) continue;
    const before = found.get(number);
    if (before) before.of.push(of);
    else found.set(number, { sae: middle.sae, number, name: nameOf({ name }), of: [of], cosine });
  }
  return [...found.values()];
}

/** Their cosine where one is among the other's neighbours, and a little for each neighbour that they share. */
export function alikeness(near: readonly Near[], lists: readonly List[]): number[][] {
  return near.map((one, i) =>
    near.map((other, j) => {
      if (i === j) return 0;
      const cosine = Math.max(cosineIn(lists[i]!, other), cosineIn(lists[j]!, one), 0);
      const shared = lists[i]!.filter(({ number }) => lists[j]!.some((two) => two.number === number)).length;
      return cosine + SHARED * shared;
    }),
  );
}

function cosineIn(list: List, { number }: Feature): number {
  return list.find((one) => one.number === number)?.cosine ?? 0;
}

function kinOf(feature: Feature, across: Across | null): Omit<Near, "name">[] {
  const parent = across?.parent(feature);
  const children = across?.children(feature).slice(0, MOST_KIN) ?? [];
  return [...(parent ? [{ ...parent, kin: "parent" as const }] : []), ...children.map((one) => ({ ...one, kin: "child" as const }))];
}
