import { expect, test } from "vitest";
import { formatRange, parseRange, within } from "./ranges";

test("ranges come back from addresses, with open ends", () => {
  for (const range of [{ low: 0.0001, high: 0.01 }, { low: null, high: 3 }, { low: 1.5, high: null }, { low: 1e-7, high: 2e-7 }]) {
    expect(parseRange(formatRange(range))).toEqual(range);
  }
  expect(formatRange({ low: null, high: null })).toBeNull();
  expect(parseRange("nonsense")).toEqual({ low: null, high: null });
  expect([0.5, 1, 2].map((value) => within(value, { low: 1, high: null }))).toEqual([false, true, true]);
});
