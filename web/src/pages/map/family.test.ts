import { describe, expect, it } from "vitest";
import { Across, COLOURED } from "./family";
import { planted } from "./planted";
import type { AcrossRecord } from "./points";

const KINDS: AcrossRecord["kinds"] = ["dead", "matched", "near", "new", "orphaned", "split"];
const [MATCHED, NEAR, NEW, ORPHANED, SPLIT] = [1, 2, 3, 4, 5];
const pair = (small: string, large: string) => ({ small, large, threshold: 0.7, chance: 0.2, small_classes: [], large_classes: [] });

// a (2 features) beside b (3), b beside c (3): a0 split into b0 and b1; b1 is c2; c0 and a1 are near nothing.
const record: AcrossRecord = {
  name: "a+b+c",
  version: "1",
  pairs: [pair("a", "b"), pair("b", "c")],
  compared: [
    { sae: "b", other: "a", start: 0, features: 3 },
    { sae: "a", other: "b", start: 3, features: 2 },
    { sae: "c", other: "b", start: 5, features: 3 },
    { sae: "b", other: "c", start: 8, features: 3 },
  ],
  kinds: KINDS,
  nearest: [0, 0, 1, 1, 2, 0, 0, 1, 1, 2, 0],
  cosine: [0.8, 0.9, 0.3, 0.9, 0.3, 0.2, 0.75, 0.95, 0.75, 0.95, 0.1],
  kind: [SPLIT, SPLIT, NEW, SPLIT, ORPHANED, NEW, NEAR, MATCHED, MATCHED, MATCHED, ORPHANED],
};
const across = new Across(record);

describe("features across sizes", () => {
  it("knows sizes, parents and children", () => {
    expect(across.sizes).toEqual(["a", "b", "c"]);
    expect(across.parent({ sae: "b", number: 1 })).toEqual({ sae: "a", number: 0, cosine: 0.9 });
    expect(across.children({ sae: "a", number: 0 })).toEqual([{ sae: "b", number: 1, cosine: 0.9 }, { sae: "b", number: 0, cosine: 0.8 }]);
  });

  it("finds no kin for what is near nothing, but tells the nearest", () => {
    expect(across.parent({ sae: "c", number: 0 })).toBeNull();
    expect(across.children({ sae: "a", number: 1 })).toEqual([]);
    expect(across.beside({ sae: "c", number: 0 }, "smaller")).toEqual({ kind: "new", nearest: 0, cosine: 0.2, other: "b" });
    expect(across.beside({ sae: "c", number: 0 }, "larger")).toBeNull();
  });

  it("shows the whole family from its oldest member on, whoever of it is asked for", () => {
    const family = across.family({ sae: "c", number: 2 });
    expect(family.map(({ sae, number, parent }) => [sae, number, parent])).toEqual([["a", 0, null], ["b", 1, 0], ["b", 0, 0], ["c", 2, 1], ["c", 1, 2]]);
    expect(across.family({ sae: "a", number: 0 })).toEqual(family);
  });

  it("leaves children out beyond a number, never the way to the one that is asked for", () => {
    const family = across.family({ sae: "b", number: 0 }, 1);
    expect(family.map(({ sae, number }) => sae + number)).toContain("b0");
    expect(across.family({ sae: "a", number: 0 }, 1)[0]!.more).toBe(1);
  });

  it("gives each point its kind beside the next smaller SAE, the smallest beside the larger one", () => {
    const saes = [{ name: "a", start: 0, features: 2 }, { name: "b", start: 2, features: 3 }, { name: "c", start: 5, features: 3 }];
    const points = planted(Array.from({ length: 8 }, (_, i) => [i, 0] as const), { saes });
    const names = [...across.kinds(points)].map((one) => COLOURED[one] ?? "plain");
    expect(names).toEqual(["split", "orphaned", "split", "split", "new", "new", "plain", "matched"]);
  });
});
