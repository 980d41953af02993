import { expect, test } from "vitest";
import { changedQuery } from "./route";
import { CLEARED, formatRange, needsSearch, parseRange, whereOf, type Where } from "./ranges";

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

test("an address tells whether a feature fires, and its tag, token and tenth", () => {
  const of = (query: string) => whereOf(new URLSearchParams(query));
  expect(of("dead=false&tag=golden+gate&top_token=0&interval=9")).toEqual({ dead: false, tag: "golden gate", top_token: 0, interval: 9 });
  expect(of("dead=true&density=..0.1")).toEqual({ dead: true, density: { low: null, high: 0.1 } });
  expect(of("dead=yes&tag=&top_token=-1&interval=10")).toBeNull();
  expect([of("top_token=1.5"), of("interval="), of("top_token=x")]).toEqual([null, null, null]);
});

test("filters are all cleared together, and nothing else is", () => {
  const query = new URLSearchParams("by=words&q=x&density=..1&maximum=1..&mean=1..2&dead=true&tag=t&top_token=3&interval=4");
  expect(changedQuery(query, CLEARED).toString()).toBe("by=words&q=x");
});

test("a list takes ranges and whether a feature fires; for the other filters it is searched", () => {
  const cases: [Where | null, boolean][] = [
    [null, false],
    [{ dead: true, mean: { low: 1, high: null } }, false],
    [{ tag: "t" }, true],
    [{ top_token: 0 }, true],
    [{ interval: 0 }, true],
  ];
  for (const [where, expected] of cases) expect(needsSearch(where)).toBe(expected);
});
