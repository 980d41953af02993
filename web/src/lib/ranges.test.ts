import { expect, test } from "vitest";
import { formatRange, parseRange, whereOf } from "./ranges";

test("ranges come back from addresses, with open ends", () => {
  for (const range of [{ low: 0.0001, high: 0.01 }, { low: null, high: 3 }, { low: 1.5, high: null }, { low: 1e-7, high: 2e-7 }]) {
    expect(parseRange(formatRange(range))).toEqual(range);
  }
  expect(formatRange({ low: null, high: null })).toBeNull();
  expect(parseRange("nonsense")).toEqual({ low: null, high: null });
});

test("the filters of an address are those that bound something", () => {
  expect(whereOf(new URLSearchParams("density=0.001..0.1&mean=..2&q=x&maximum=.."))).toEqual({ density: { low: 0.001, high: 0.1 }, mean: { low: null, high: 2 } });
  expect(whereOf(new URLSearchParams("q=x"))).toBeNull();
});
