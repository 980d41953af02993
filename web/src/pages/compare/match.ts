// What the features of two SAEs are to each other, as a joint map has found it.
import type { components } from "../../api/types";

export type AcrossRecord = components["schemas"]["AcrossRecord"];
export type MapSummary = components["schemas"]["MapSummary"];
export type Kind = AcrossRecord["kinds"][number];

/** The map to ask for two SAEs: the one of the fewest that holds both. */
export function jointMap<M extends Pick<MapSummary, "saes">>(maps: readonly M[], a: string, b: string): M | null {
  const both = maps.filter(({ saes }) => saes.includes(a) && saes.includes(b));
  return both.reduce<M | null>((best, one) => (best && best.saes.length <= one.saes.length ? best : one), null);
}

export interface Matched {
  number: number;
  /** Of the other SAE; null where it has no direction. */
  nearest: number | null;
  cosine: number;
}

/** The pair of two SAEs in either order; null where the map compares each with another one. */
export function pairOf(across: AcrossRecord, a: string, b: string): AcrossRecord["pairs"][number] | null {
  return across.pairs.find(({ small, large }) => (small === a && large === b) || (small === b && large === a)) ?? null;
}

export interface Part {
  kind: Kind;
  count: number;
}

/** How many features of `sae` are of each kind; kinds that it has none of are left out. */
export function partsOf(pair: AcrossRecord["pairs"][number], sae: string): Part[] {
  const classes = pair.small === sae ? pair.small_classes : pair.large_classes;
  return classes.map(({ name, count }) => ({ kind: name, count })).filter(({ count }) => count > 0);
}

/** Features of `sae` of one kind beside `other`: the nearest first, of those near nothing the furthest. */
export function ofKind(across: AcrossRecord, sae: string, other: string, kind: Kind, most: number): Matched[] {
  const rows = across.compared.find((one) => one.sae === sae && one.other === other);
  if (!rows) return [];
  const place = across.kinds.indexOf(kind);
  const found: Matched[] = [];
  for (let number = 0; number < rows.features; number++) {
    const row = rows.start + number;
    if (across.kind[row] === place) found.push({ number, nearest: across.nearest[row] ?? null, cosine: across.cosine[row]! });
  }
  const sign = kind === "new" || kind === "orphaned" ? 1 : -1;
  return found.sort((x, y) => sign * (x.cosine - y.cosine) || x.number - y.number).slice(0, most);
}

/** What a kind means for a feature of `sae` beside `other`. */
export function means(kind: Kind, other: string): string {
  switch (kind) {
    case "matched":
      return `each is the other’s nearest in ${other}, and near`;
    case "split":
      return `it, or its parent, is one that is split between the two`;
    case "near":
      return `near to one of ${other} to which another is nearer`;
    case "new":
    case "orphaned":
      return `near nothing in ${other}`;
    case "dead":
      return "without a direction";
  }
}

export const WORDS: Record<Kind, string> = { matched: "the same", split: "split", near: "near", new: "new", orphaned: "gone", dead: "dead" };
