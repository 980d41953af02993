import { describe, expect, it } from "vitest";
import { Grid } from "./grid";
import { featureAt, formatFeature, NO_CLUSTER, parseFeature, pointOf } from "./points";
import { planted, random, scattered } from "./planted";

const two = planted([[0, 0], [1, 1], [2, 2]], { saes: [{ name: "small", start: 0, features: 1 }, { name: "a.wide", start: 1, features: 2 }], cluster: [0, null, 3] });

describe("points", () => {
  it("finds the feature of a point and the point of a feature", () => {
    expect([0, 1, 2].map((one) => featureAt(two, one))).toEqual([{ sae: "small", number: 0 }, { sae: "a.wide", number: 0 }, { sae: "a.wide", number: 1 }]);
    expect(pointOf(two, { sae: "a.wide", number: 1 })).toBe(2);
    expect(pointOf(two, { sae: "small", number: 1 })).toBeNull();
    expect(pointOf(two, { sae: "gone", number: 0 })).toBeNull();
  });

  it("writes a feature into an address and reads it back, also where the name has dots", () => {
    for (const feature of [{ sae: "small", number: 7 }, { sae: "a.wide", number: 12 }]) expect(parseFeature(formatFeature(feature, "small"), "small")).toEqual(feature);
    expect(formatFeature({ sae: "small", number: 7 }, "small")).toBe("7");
    expect(parseFeature("bridge", "small")).toBeNull();
  });

  it("keeps what has no cluster or no place apart", () => {
    expect([...two.cluster]).toEqual([0, NO_CLUSTER, 3]);
    const points = planted([[null, null], [3, 4]]);
    expect(points.x[0]).toBeNaN();
    expect(points.bounds).toEqual({ left: 3, right: 3, low: 4, high: 4 });
  });
});

describe("the grid", () => {
  const points = scattered(3000);
  const grid = new Grid(points);

  it("finds the same nearest point as looking at all of them", () => {
    const next = random(9);
    for (let i = 0; i < 300; i++) {
      const [x, y, within] = [12 * next() - 1, 6 * next() - 1, next() ** 2];
      let best: number | null = null;
      let least = within * within;
      for (let p = 0; p < points.size; p++) {
        const d = (points.x[p]! - x) ** 2 + (points.y[p]! - y) ** 2;
        if (d < least) [best, least] = [p, d];
      }
      expect(grid.nearest(x, y, within)).toBe(best);
    }
  });

  it("finds the same points in a box as looking at all of them, and says when there are too many", () => {
    const box = { left: 2, right: 3, low: 0.1, high: 1.5 };
    const all = Array.from({ length: points.size }, (_, p) => p).filter((p) => points.x[p]! >= 2 && points.x[p]! <= 3 && points.y[p]! >= 0.1 && points.y[p]! <= 1.5);
    expect(grid.inside(box, all.length)?.sort((a, b) => a - b)).toEqual(all);
    expect(grid.inside(box, all.length - 1)).toBeNull();
  });

  it("leaves points without a place out", () => {
    const grid = new Grid(planted([[null, null], [3, 4], [3, 4]]));
    expect(grid.inside({ left: -99, right: 99, low: -99, high: 99 }, 9)).toEqual([1, 2]);
    expect(grid.nearest(3, 4, 1)).toBe(1);
  });
});
