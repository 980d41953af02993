// What features of SAEs of several sizes are to each other: parents in the smaller one, children in the larger one.
import type { AcrossRecord, Feature, Points } from "./points";

export type Kind = AcrossRecord["kinds"][number];

/** Kinds with a direction near to them on the other side. */
const NEAR: ReadonlySet<Kind> = new Set(["matched", "split", "near"]);
/** Kinds in the order of their colours; a kind that is not here is plain. */
export const COLOURED: readonly Kind[] = ["matched", "split", "new", "orphaned"];

export interface Compared {
  kind: Kind;
  /** Number of the nearest feature of the other SAE; null where it has no direction. */
  nearest: number | null;
  cosine: number;
  other: string;
}

export interface Member extends Feature {
  /** Cosine with its parent; null for the first. */
  cosine: number | null;
  /** Place of its parent among the members; null for the first. */
  parent: number | null;
  /** Children that were left out. */
  more: number;
}

export class Across {
  /** Names from the smallest SAE up. */
  readonly sizes: string[];

  constructor(readonly record: AcrossRecord) {
    this.sizes = [...new Set(record.pairs.flatMap(({ small, large }) => [small, large]))];
  }

  /** What a feature is to the SAE that is one size smaller or larger; null where there is none. */
  beside({ sae, number }: Feature, which: "smaller" | "larger"): Compared | null {
    const other = this.sizes[this.sizes.indexOf(sae) + (which === "smaller" ? -1 : 1)];
    const rows = this.record.compared.find((one) => one.sae === sae && one.other === other);
    if (!other || !rows || number >= rows.features) return null;
    const row = rows.start + number;
    const { kinds, kind, nearest, cosine } = this.record;
    return { kind: kinds[kind[row]!]!, nearest: nearest[row] ?? null, cosine: cosine[row]!, other };
  }

  /** Its parent: the nearest of the smaller SAE where that is near; null where it is near nothing. */
  parent(feature: Feature): (Feature & { cosine: number }) | null {
    const found = this.beside(feature, "smaller");
    if (!found || found.nearest === null || !NEAR.has(found.kind)) return null;
    return { sae: found.other, number: found.nearest, cosine: found.cosine };
  }

  /** Features of the larger SAE whose parent it is, the likest first. */
  children({ sae, number }: Feature): (Feature & { cosine: number })[] {
    const larger = this.sizes[this.sizes.indexOf(sae) + 1];
    const rows = this.record.compared.find((one) => one.sae === larger && one.other === sae);
    if (!larger || !rows) return [];
    const { kinds, kind, nearest, cosine } = this.record;
    const found: (Feature & { cosine: number })[] = [];
    for (let row = rows.start; row < rows.start + rows.features; row++) {
      if (nearest[row] === number && NEAR.has(kinds[kind[row]!]!)) found.push({ sae: larger, number: row - rows.start, cosine: cosine[row]! });
    }
    return found.sort((a, b) => b.cosine - a.cosine || a.number - b.number);
  }

  /** All that its oldest parent became: that one first, each with at most `most` children, and the way to it always. */
  family(feature: Feature, most = 8): Member[] {
    const way: Feature[] = [feature];
    for (let up = this.parent(feature); up; up = this.parent(up)) way.unshift(up);
    const members: Member[] = [{ ...way[0]!, cosine: null, parent: null, more: 0 }];
    for (let place = 0; place < members.length; place++) {
      const children = this.children(members[place]!);
      const onWay = (one: Feature) => way.some(({ sae, number }) => sae === one.sae && number === one.number);
      const kept = children.filter((one, i) => i < most || onWay(one));
      members[place]!.more = children.length - kept.length;
      for (const { sae, number, cosine } of kept) members.push({ sae, number, cosine, parent: place, more: 0 });
    }
    return members;
  }

  /** For each point the place of its kind in `COLOURED`, beside the SAE next smaller, or for the smallest next larger. */
  kinds(points: Points): Int8Array {
    const found = new Int8Array(points.size).fill(-1);
    const { compared, kind, kinds } = this.record;
    const colour = kinds.map((one) => COLOURED.indexOf(one));
    for (const { name, start, features } of points.saes) {
      const other = this.sizes[this.sizes.indexOf(name) - 1] ?? this.sizes[1];
      const rows = compared.find((one) => one.sae === name && one.other === other);
      if (rows) for (let number = 0; number < features; number++) found[start + number] = colour[kind[rows.start + number]!]!;
    }
    return found;
  }
}
