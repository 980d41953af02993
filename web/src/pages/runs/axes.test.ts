import { expect, test } from "vitest";
import { at, axisOf, bare, roundTicks, spread } from "./axes";

test("ticks are round and hold all values between them", () => {
  expect(roundTicks(0.56, 0.83)).toEqual([0.5, 0.6, 0.7, 0.8, 0.9]);
  expect(roundTicks(0, 1_675_264)).toEqual([0, 500_000, 1_000_000, 1_500_000, 2_000_000]);
  expect(roundTicks(-0.1, 0.1)).toEqual([-0.1, -0.05, 0, 0.05, 0.1]);
  expect(roundTicks(3, 3)).toEqual([3]);
});

test("an axis is logarithmic where values reach far and are above 0", () => {
  expect(axisOf([47, 116])).toMatchObject({ low: 40, high: 120, log: false });
  expect(axisOf([0.002, 4])).toMatchObject({ low: 0.002, high: 4, log: true });
  expect(axisOf([0, 4]).log).toBe(false);
  expect(at({ low: 1, high: 100, log: true }, 10)).toBeCloseTo(0.5);
  expect(at({ low: 0, high: 4, log: false }, 1)).toBe(0.25);
  expect(at({ low: 3, high: 3, log: false }, 3)).toBe(0.5);
});

test("all ticks lie on their axis", () => {
  for (const values of [[0.483, 0.868], [31.98, 32], [0.002, 4], [7, 7]]) {
    const { low, high, ticks } = axisOf(values);
    expect(ticks[0]).toBeGreaterThanOrEqual(low);
    expect(ticks.at(-1)).toBeLessThanOrEqual(high);
  }
});

test("ticks of values that hardly differ differ as they are told", () => {
  expect(axisOf([31.98, 32]).ticks.map((tick) => tick.toPrecision(3))).toEqual(["31.6", "31.8", "32.0", "32.2", "32.4"]);
});

test("ticks have no zeros that say nothing", () => {
  expect(["0.900", "1.50 M", "40", "0.0010", "2.0 %", "1.0e−5", "100"].map(bare)).toEqual(["0.9", "1.5 M", "40", "0.001", "2 %", "1e−5", "100"]);
});

test("labels that would touch are moved apart around where they belong, inside their room", () => {
  expect(spread([10, 50], 14, 0, 100)).toEqual([10, 50]);
  expect(spread([50, 50], 14, 0, 100)).toEqual([43, 57]);
  expect(spread([99, 98, 100], 10, 0, 100)).toEqual([90, 80, 100]);
  expect(spread([0, 1, 12], 10, 0, 100)).toEqual([0, 10, 20]);
});
