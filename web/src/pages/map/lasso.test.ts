import { describe, expect, it } from "vitest";
import { Grid } from "./grid";
import { formatLoop, isInside, lassoed, parseLoop, simplified } from "./lasso";
import { scattered } from "./planted";

const SQUARE = [0, 0, 4, 0, 4, 4, 0, 4];
/** A square with a bay cut into its right side. */
const BAY = [0, 0, 4, 0, 2, 2, 4, 4, 0, 4];
const circle = (corners: number) => Array.from({ length: corners }, (_, i) => (2 * Math.PI * i) / corners).flatMap((a) => [5 + 2 * Math.cos(a), 1.5 + 2 * Math.sin(a)]);

describe("a loop", () => {
  it("holds what is inside and not what is in a bay of it", () => {
    expect(isInside(SQUARE, 3.5, 2)).toBe(true);
    expect(isInside(BAY, 3.5, 2)).toBe(false);
    expect(isInside(BAY, 1, 2)).toBe(true);
    expect(isInside(SQUARE, 5, 2)).toBe(false);
  });

  it("counts each point of two squares that share a side once", () => {
    const right = SQUARE.map((one, i) => (i % 2 ? one : one + 4));
    for (const y of [0.5, 1, 2, 3.9]) expect(Number(isInside(SQUARE, 4, y)) + Number(isInside(right, 4, y))).toBe(1);
  });

  it("gathers the points within a circle, as the distance tells", () => {
    const points = scattered(4000);
    const inside = lassoed(circle(720), points, new Grid(points));
    const near = Array.from({ length: points.size }, (_, p) => p).filter((p) => Math.hypot(points.x[p]! - 5, points.y[p]! - 1.5) < 2 * Math.cos(Math.PI / 720));
    const far = Array.from({ length: points.size }, (_, p) => p).filter((p) => Math.hypot(points.x[p]! - 5, points.y[p]! - 1.5) < 2);
    expect(inside.length).toBeGreaterThanOrEqual(near.length);
    expect(near.every((p) => inside.includes(p))).toBe(true);
    expect(far.length).toBeGreaterThanOrEqual(inside.length);
    expect([...inside]).toEqual([...inside].sort((a, b) => a - b));
  });

  it("loses corners, not its shape", () => {
    const few = simplified(circle(600), 48);
    expect(few).toHaveLength(96);
    for (let i = 0; i < few.length; i += 2) expect(Math.hypot(few[i]! - 5, few[i + 1]! - 1.5)).toBeCloseTo(2, 9);
    const angles = Array.from({ length: 48 }, (_, i) => Math.atan2(few[2 * i + 1]! - 1.5, few[2 * i]! - 5)).sort((a, b) => a - b);
    expect(Math.max(...angles.slice(1).map((one, i) => one - angles[i]!))).toBeLessThan(0.3);
    expect(simplified(SQUARE)).toEqual(SQUARE);
  });

  it("stands in the address and is read back", () => {
    expect(parseLoop(formatLoop([-1.23456, 2, 3.5, 1e-3, 7, 7]))).toEqual([-1.235, 2, 3.5, 0.001, 7, 7]);
    for (const wrong of [null, "", "1_2_3_4", "1_2_3_4_5", "1_2_3_4_5_x"]) expect(parseLoop(wrong)).toBeNull();
  });
});
