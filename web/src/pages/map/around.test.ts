import { describe, expect, it } from "vitest";
import { alikeness, furtherOf, type Near } from "./around";
import { nameOfCluster } from "./clusters";
import type { Cluster } from "./points";

const near = (number: number): Near => ({ sae: "main", number, cosine: 0.5, name: String(number), kin: null });
const list = (...rows: [number, number][]) => rows.map(([number, cosine]) => ({ number, cosine, name: null }));

describe("what is around a feature", () => {
  const all = [near(1), near(2), near(3)];
  const lists = [list([0, 0.5], [2, 0.4], [9, 0.3]), list([9, 0.6], [1, 0.4], [8, 0.2]), list([0, 0.5])];

  it("takes neighbours of neighbours once, without the middle and its own, at the likest of theirs", () => {
    expect(furtherOf({ sae: "main", number: 0 }, all, lists).map(({ number, of, cosine }) => [number, of, cosine])).toEqual([
      [9, [1, 0], 0.6],
      [8, [1], 0.2],
    ]);
  });

  it("counts those as alike that are neighbours or share some", () => {
    const alike = alikeness(all, lists);
    expect(alike[0]![1]).toBeCloseTo(0.42);
    expect(alike[1]![0]).toBeCloseTo(0.42);
    expect(alike[0]![2]).toBeCloseTo(0.02);
    expect(alike[1]![2]).toBe(0);
  });
});

describe("a cluster", () => {
  const cluster = (...names: (string | null)[]): Cluster => ({
    number: 0, features: names.length, x: 0, y: 0,
    central: names.map((text, point) => ({ point, sae: "main", number: point, central: 1, name: text === null ? null : { text, confidence: 1, by: "rule", rule: "tag" } })),
  });

  it("is called what most of its central features are, else what the most central one is", () => {
    expect(nameOfCluster(cluster("a", "bridge", "bridge"))).toBe("bridge");
    expect(nameOfCluster(cluster("a", "b"))).toBe("a");
    expect(nameOfCluster(cluster(null, "b"))).toBe("b");
    expect(nameOfCluster(cluster(null))).toBeNull();
  });
});
