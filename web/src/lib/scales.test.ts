import { describe, expect, test } from "vitest";
import { filled, heat, linear, logarithmic, logTicks, quantile } from "./scales";

describe("heat", () => {
  test("is linear up to the maximum, and never nothing for what fires", () => {
    expect([0, 0.001, 0.5, 0.51, 1, 1.3].map((share) => heat(share, 1))).toEqual([0, 1, 5, 6, 10, 10]);
  });
  test("of a feature that never fires is nothing", () => {
    expect(heat(1, 0)).toBe(0);
  });
});

test("scales stay between 0 and 1", () => {
  expect([-1, 0, 5, 20].map(linear(0, 10))).toEqual([0, 0, 0.5, 1]);
  expect([0, 0.01, 0.1, 1, 5].map(logarithmic(0.01, 1)).map((x) => Number(x.toFixed(9)))).toEqual([0, 0, 0.5, 1, 1]);
  expect(linear(3, 3)(3)).toBe(0);
});

test("ticks are round, inside and few", () => {
  expect(logTicks(0.3, 8)).toEqual([0.5, 1, 2, 5]);
  expect(logTicks(0.001, 100)).toEqual([0.001, 0.01, 0.1, 1, 10, 100]);
  expect(logTicks(1e-12, 1e12).length).toBeLessThanOrEqual(6);
});

test("empty bins at both ends are left out", () => {
  expect(filled([0, 0, 3, 0, 1, 0])).toEqual([2, 5]);
  expect(filled([0, 0])).toEqual([0, 1]);
});

test("a quantile lies within the bin that holds it, as far in as counts say", () => {
  expect(quantile([1, 10, 100], [50, 50], 0.25)).toBeCloseTo(Math.sqrt(10), 9);
  expect(quantile([0, 1, 2], [1, 3], 0.5, false)).toBeCloseTo(1 + 1 / 3, 9);
  expect(quantile([1, 2], [0], 0.5)).toBeNull();
});

test("the median of bins is near the true one", () => {
  const values = Array.from({ length: 1001 }, (_, i) => 10 ** (i / 250));
  const edges = Array.from({ length: 21 }, (_, i) => 10 ** (i / 5));
  const counts = edges.slice(0, -1).map((low, i) => values.filter((v) => v >= low && (v < edges[i + 1]! || i === 19)).length);
  expect(quantile(edges, counts, 0.5)! / values[500]!).toBeCloseTo(1, 1);
});
