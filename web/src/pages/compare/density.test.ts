import { expect, test } from "vitest";
import { above, outline, perDecade, trimmed, type Bins } from "./density";

const BINS: Bins = { edges: [1e-4, 1e-3, 1e-1, 1], shares: [0.2, 0.6, 0], median: null, dead: null };

test("a wide bin is not taller for being wide", () => {
  expect(perDecade(BINS)).toEqual([0.2, 0.3, 0]);
});

test("empty bins at the ends are left out", () => {
  expect(trimmed(BINS)).toMatchObject({ edges: [1e-4, 1e-3, 1e-1], shares: [0.2, 0.6] });
  expect(trimmed({ ...BINS, shares: [0, 0, 0] })).toMatchObject({ edges: [], shares: [] });
});

test("the outline goes up from its foot and comes back to it", () => {
  const path = outline(trimmed(BINS), (density) => 100 * (Math.log10(density) + 4), (tall) => 100 - 100 * tall);
  expect(path).toBe("M0.0 100.0V80.0H100.0V70.0H300.0V100.0");
  expect(outline({ ...BINS, edges: [], shares: [] }, Number, Number)).toBe("");
});

test("how many fire more often than a density, with a part of the bin that it cuts", () => {
  expect(above(BINS, 1e-5)).toBeCloseTo(0.8);
  expect(above(BINS, 1e-2)).toBeCloseTo(0.3);
  expect(above(BINS, 1)).toBe(0);
});
