import { expect, test } from "vitest";
import { barsOf, INSET, lineOf, placeOn, ticksOf } from "./track";

test("places keep as far from the ends as the handle does", () => {
  const x = placeOn(-2, 4, 288);
  expect([x(-2), x(1), x(4), x(9)]).toEqual([INSET, 144, 288 - INSET, 288 - INSET]);
});

test("labels are whole, few, and have 0 where it is inside", () => {
  expect(ticksOf(-2, 4)).toEqual([-2, -1, 0, 1, 2, 3, 4]);
  expect(ticksOf(0, 12)).toEqual([0, 2, 4, 6, 8, 10, 12]);
  expect(ticksOf(-3, 30)).toEqual([0, 5, 10, 15, 20, 25, 30]);
});

test("a line goes through its samples, a share of 1 below the top", () => {
  const samples = [{ x: 0, named: 0, fluent: 1, answers: 9 }, { x: 1, named: 1, fluent: 0.5, answers: 9 }];
  expect(lineOf(samples, (one) => one.named, (value) => 10 * value, 44)).toBe("M0 44L10 4");
});

test("bars stand between 0 and the maximum, empty ones not at all", () => {
  const bars = barsOf({ edges: [1, 2, 4, 8], counts: [9, 0, 1] }, 5, (value) => 100 * value, 40);
  expect(bars.map(({ x, share }) => [x, share])).toEqual([[20, 0.30000000000000004], [80, 0.9]]);
  expect(bars[0]!.height).toBe(40);
  expect(bars[1]!.x + bars[1]!.width).toBeLessThanOrEqual(100);
});
