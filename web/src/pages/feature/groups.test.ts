import { expect, test } from "vitest";
import { bands, parseAt } from "./groups";

test("bands go down from the maximum to nothing", () => {
  const found = bands("intervals", 10);
  expect(found.map(({ group }) => group)).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0].map((n) => `interval:${n}`));
  expect([found[0]!.title, found.at(-1)!.title]).toEqual(["9.00 – 10.0", "0.00 – 1.00"]);
  expect(bands("intervals", 10, [0, 1, 2, 3, 4, 5, 6, 7, 8, 1234])[0]!.says).toBe("0.9 to 1 of the maximum, at random of 1,234 firings");
  expect(bands("fifths", 10).map(({ group }) => group)).toEqual([4, 3, 2, 1, 0].map((n) => `quantile:${n}`));
});

test("an open text is told by document and position, and nothing else", () => {
  expect(parseAt("3202.7")).toEqual({ document: 3202, position: 7 });
  expect([parseAt(null), parseAt("x"), parseAt("1"), parseAt("-1.2")]).toEqual([null, null, null, null]);
});
