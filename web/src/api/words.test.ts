import { expect, test } from "vitest";
import { Words, wordsOf } from "./words";

const words = new Words({
  names: ["Golden Gate Bridge", "token “fire”", "bridges over rivers", ""],
  fires: [" Golden Gate", " fire Bridge", " bridge river", " café"],
  promotes: ["", "", "", " water"],
  tags: ["golden_gate_bridge", "", "", ""],
});
const places = (query: string) => words.search(query).map(({ place }) => place);

test("case, accents and signs do not matter", () => {
  expect(wordsOf("Café-Bar, ÉTÉ_2")).toEqual(["cafe", "bar", "ete", "2"]);
  expect(places("CAFE")).toEqual([3]);
});

test("all words are asked for first, and a name says more than a token", () => {
  expect(places("golden bridge")).toEqual([0]);
  expect(places("bridge")).toEqual([0, 2, 1]);
  expect(words.search("water")).toMatchObject([{ place: 3, why: "in what it promotes" }]);
  expect(words.search("fire")[0]).toMatchObject({ place: 1, why: "in its name, what it fires on" });
});

test("where nothing has all words any of them counts, and the last one may be begun", () => {
  expect(new Set(places("fire river"))).toEqual(new Set([1, 2]));
  expect(places("gold")).toEqual([0]);
  expect(places("gold bridge")).toEqual([0, 2, 1]);
});

test("only what is allowed is found, and a query without a word finds nothing", () => {
  expect(words.search("bridge", (place) => place > 0).map(({ place }) => place)).toEqual([2, 1]);
  expect(places("?! ")).toEqual([]);
});
