import { expect, test } from "vitest";
import { activation, count, figure, percent, plural, share, shortCount, signed } from "./format";

test.each([
  [0.821932, "0.822"],
  [4.5549, "4.55"],
  [18.44, "18.4"],
  [1234.5, "1,235"],
  [0.0012345, "0.00123"],
  [0.0000152, "1.52 × 10⁻⁵"],
  [-0.0051, "−0.00510"],
  [32, "32"],
  [0, "0"],
])("%d has three significant figures: %s", (value, text) => {
  expect(figure(value)).toBe(text);
});

test("what is not known is a dash", () => {
  for (const value of [null, undefined, Number.NaN, Infinity]) expect(figure(value)).toBe("–");
  expect([share(null), percent(undefined)]).toEqual(["–", "–"]);
});

test("shares, signs and counts are written as people read them", () => {
  expect([share(0.8082), share(-0.75)]).toEqual(["0.81", "−0.75"]);
  expect([percent(0.0192915), percent(1)]).toEqual(["1.93 %", "100 %"]);
  expect([signed(12.2017), signed(-0.304), signed(0)]).toEqual(["+12.2", "−0.30", "0.00"]);
  expect([activation(5.3713), activation(18.44), activation(212.3)]).toEqual(["5.37", "18.4", "212"]);
  expect([count(16384), shortCount(9999), shortCount(560141), shortCount(1_675_264)]).toEqual(["16,384", "9,999", "560 k", "1.68 M"]);
  expect([plural(1, "feature"), plural(0, "feature"), plural(2000, "query", "queries")]).toEqual(["1 feature", "0 features", "2,000 queries"]);
});
