import { expect, test } from "vitest";
import { jointMap, ofKind, pairOf, partsOf, type AcrossRecord } from "./match";

const ACROSS: AcrossRecord = {
  name: "small+large",
  version: "v",
  kinds: ["matched", "new", "orphaned"],
  compared: [
    { sae: "large", other: "small", start: 0, features: 3 },
    { sae: "small", other: "large", start: 3, features: 2 },
  ],
  kind: [0, 1, 1, 0, 2],
  nearest: [1, 0, 0, 0, null],
  cosine: [0.9, 0.4, 0.2, 0.9, 0.1],
  pairs: [
    {
      small: "small",
      large: "large",
      threshold: 0.7,
      chance: 0.3,
      small_classes: [{ name: "matched", count: 1 }, { name: "orphaned", count: 1 }, { name: "dead", count: 0 }],
      large_classes: [{ name: "matched", count: 1 }, { name: "new", count: 2 }],
    },
  ],
};

test("the map of two SAEs is the smallest that holds both", () => {
  const map = (...saes: string[]) => ({ name: saes.join("+"), saes });
  const maps = [map("a"), map("a", "b", "c"), map("a", "b"), map("b", "c")];
  expect(jointMap(maps, "b", "a")?.name).toBe("a+b");
  expect(jointMap(maps, "c", "a")?.name).toBe("a+b+c");
  expect(jointMap(maps, "a", "x")).toBeNull();
});

test("a pair is found from either side, and counts are of the side that is asked", () => {
  const pair = pairOf(ACROSS, "large", "small")!;
  expect(partsOf(pair, "large")).toEqual([{ kind: "matched", count: 1 }, { kind: "new", count: 2 }]);
  expect(partsOf(pair, "small")).toEqual([{ kind: "matched", count: 1 }, { kind: "orphaned", count: 1 }]);
  expect(pairOf(ACROSS, "large", "other")).toBeNull();
});

test("features of a kind come with what they are near to; those near nothing the furthest first", () => {
  expect(ofKind(ACROSS, "large", "small", "new", 5)).toEqual([{ number: 2, nearest: 0, cosine: 0.2 }, { number: 1, nearest: 0, cosine: 0.4 }]);
  expect(ofKind(ACROSS, "large", "small", "new", 1)).toHaveLength(1);
  expect(ofKind(ACROSS, "small", "large", "matched", 5)).toEqual([{ number: 0, nearest: 0, cosine: 0.9 }]);
  expect(ofKind(ACROSS, "small", "other", "matched", 5)).toEqual([]);
});
