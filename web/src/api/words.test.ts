import { expect, test } from "vitest";
import { Words, wordsOf } from "./words";

const words = new Words({
  names: ["Golden Gate Bridge", "token “fire”", "bridges over rivers", "", "chocolate", "Python code", "Paris", "the sea", "milk"],
  fires: [" Golden Gate", " fire Bridge", " bridge river", " café", " cocoa sweet sweet", " def return", " Seine café", " wave", " cow"],
  promotes: ["", "", "", " water", "", "", "", " water", ""],
  tags: ["golden_gate_bridge", "", "", "", "", "", "city", "", ""],
});
const places = (query: string) => words.search(query).map(({ place }) => place);

test("case, accents and signs do not matter", () => {
  expect(wordsOf("Café-Bar, ÉTÉ_2")).toEqual(["cafe", "bar", "ete", "2"]);
  expect(places("CAFE")).toEqual([3, 6]);
});

test("any run of signs that are words of their own is found wherever it stands", () => {
  const some = new Words({ names: ["金門大橋", "Ponte"], fires: ["", "골든게이트교"], promotes: ["", ""], tags: ["", ""] });
  expect(some.search("大橋").map(({ place }) => place)).toEqual([0]);
  expect(some.search("게이트").map(({ place }) => place)).toEqual([1]);
});

// what `search_words` of monosema.index.words gives on the same columns
const SERVER: [string, [number, number, string][]][] = [
  ["bridge", [[2, 1.105039, "its name, what it fires on"], [0, 1.083943, "its name, its tags"], [1, 0.857699, "what it fires on"]]],
  ["golden bridge", [[0, 4.250494, "its name, what it fires on, its tags"]]],
  ["water", [[3, 1.390778, "what it promotes"], [7, 1.110895, "what it promotes"]]],
  ["fire", [[1, 3.190882, "its name, what it fires on"]]],
  ["fire river", [[1, 3.190882, "its name, what it fires on"], [2, 3.096415, "its name, what it fires on"]]],
  ["gold", [[0, 3.166551, "its name, what it fires on, its tags"]]],
  ["gold bridge", [[2, 1.105039, "its name, what it fires on"], [0, 1.083943, "its name, its tags"], [1, 0.857699, "what it fires on"]]],
  ["sweet", [[4, 2.949275, "what it fires on"]]],
];

test.each(SERVER)("%s: all words, else any, the last one perhaps begun, with the server's ranks and reasons", (query, expected) => {
  const found = words.search(query);
  expect(found.map(({ place, why }) => [place, why])).toEqual(expected.map(([place, , why]) => [place, `in ${why}`]));
  found.forEach(({ score }, i) => expect(score).toBeCloseTo(expected[i]![1], 5));
});

test("only what is allowed is found, and a query without a word finds nothing", () => {
  expect(words.search("bridge", (place) => place > 0).map(({ place }) => place)).toEqual([2, 1]);
  expect(places("?! ")).toEqual([]);
});
