import { expect, test } from "vitest";
import { agreement, effectOf, ranks, verdict } from "./used";

test("the effect is how much log-probability is lost, and is finite where nothing is left", () => {
  expect(effectOf(0.5, 0.25)).toBeCloseTo(Math.log(2));
  expect(effectOf(0.25, 0.5)).toBeCloseTo(-Math.log(2));
  expect(effectOf(0.5, 0)).toBeGreaterThan(80);
  expect(effectOf(0, 0)).toBe(0);
});

test("activation and effect agree as far as they are correlated, whatever the sign of the effect", () => {
  const effects = (...pairs: [number, number][]) => pairs.map(([activation, effect], number) => ({ number, activation, effect }));
  expect(agreement(effects([1, 0.1], [2, -0.2], [3, 0.3]))).toBeCloseTo(1);
  expect(agreement(effects([1, 0.3], [2, 0.2], [3, -0.1]))).toBeCloseTo(-1);
  expect(agreement(effects([1, 0], [2, 3], [3, 0]))).toBeCloseTo(0);
  expect(agreement(effects([1, 1], [1, 2]))).toBeNull();
});

test("ranks count from the largest", () => {
  expect(ranks([3, 9, 5])).toEqual([3, 1, 2]);
  expect(ranks([2, 2])).toEqual([1, 2]);
});

test("the most active one and the most used one are told with their ranks by the other figure", () => {
  const effects = [
    { number: 1, activation: 9, effect: 0.01 },
    { number: 2, activation: 5, effect: -0.4 },
    { number: 3, activation: 1, effect: 0.1 },
  ];
  expect(verdict(effects)).toMatchObject({ active: { number: 1 }, rank: 3, used: { number: 2 }, activeRank: 2 });
  expect(verdict(effects.slice(0, 1))).toBeNull();
});
