import { expect, test } from "vitest";
import type { Example } from "../api/records";
import { distinct, facets, has, sourceName } from "./facets";

const from = (source: string, ...tags: [string, string][]): Example => ({
  document: 1, position: 0, source, tokens: ["a"], activations: [1], peak: 0, tags: tags.map(([name, value]) => ({ name, value })),
});

test("facets are what tells examples apart, most common first", () => {
  const all = [from("world:a", ["genre", "story"]), from("world:a", ["genre", "poem"]), from("texts/b.jsonl.gz", ["genre", "story"])];
  expect(facets(all).map(({ text, count }) => [text, count])).toEqual([["a", 2], ["genre: story", 2], ["genre: poem", 1], ["b", 1]]);
  expect(all.filter((one) => has(one, "genre=story"))).toHaveLength(2);
  expect(facets(all.slice(0, 1))).toEqual([]);
});

test("sources are shown without what only machines need", () => {
  expect(["world:first_slice", "/tmp/part/w1.jsonl.gz", "x.parquet", "notes"].map(sourceName)).toEqual(["first_slice", "w1", "x", "notes"]);
});

test("an example that is in several groups is counted once", () => {
  const at = (document: number, position: number, source: string): Example => ({ ...from(source), document, position });
  const [top, weak, other] = [at(1, 5, "a"), at(1, 6, "a"), at(2, 5, "b")];
  const every = distinct([top, other, weak, { ...top }, { ...other }]);
  expect(every).toEqual([top, other, weak]);
  expect(facets(every).map(({ text, count }) => [text, count])).toEqual([["a", 2], ["b", 1]]);
});
