import { describe, expect, test } from "vitest";
import type { PromptRecord, PromptToken } from "../../api/records";
import { firedAnywhere, firedAt, nearest, onlyToken, stepTo, strip } from "./prompt";

const token = (text: string, ...strongest: [number, number, number][]): PromptToken => ({
  token: 0, text, left_out: null, values: [], fires: strongest.length, strongest: strongest.map(([number, activation, share]) => ({ number, activation, share })),
});
const PROMPT: PromptRecord = {
  features: [],
  tokens: [{ ...token("<s>"), left_out: "special" }, token(" Gate", [7, 4, 0.5], [8, 1, 0.9]), token(" Bridge", [7, 6, 0.75])],
};

describe("the features of a prompt", () => {
  test("stand once, at their strongest token, nearest to their maximum first", () => {
    expect(firedAnywhere(PROMPT)).toEqual([
      { number: 8, activation: 1, share: 0.9, place: 1 },
      { number: 7, activation: 6, share: 0.75, place: 2 },
    ]);
  });
  test("of one token are in the order of their activations", () => {
    expect(firedAt(PROMPT, 1).map(({ number }) => number)).toEqual([7, 8]);
    expect(firedAt(PROMPT, 9)).toEqual([]);
  });
  test("colour a token by the one nearest to its own maximum", () => {
    expect(PROMPT.tokens.map(nearest)).toEqual([0, 0.9, 0.75]);
  });
});

test("a text of one token tells its number, one of several what they are", () => {
  const start = { ...token("<s>"), left_out: "special" as const };
  expect(onlyToken({ features: [], tokens: [start, { ...token(" Bridge"), token: 5 }] })).toBe(5);
  expect(onlyToken({ features: [], tokens: [{ ...token(" Bridge"), token: 5, left_out: "massive" }] })).toBe(5);
  expect(onlyToken({ features: [], tokens: [start, token("Br"), token("idge\n")] })).toBe("That is 2 tokens: “Br”, “idge↵”. Mind the blank before a word.");
});

test("a strip shows the tokens around one, and what is not told", () => {
  expect(strip(PROMPT, 8, 1)).toEqual({ start: 0, values: [null, 1, null] });
  const long: PromptRecord = { features: [], tokens: Array.from({ length: 100 }, () => token("x")) };
  expect([strip(long, 1, 50, 10).start, strip(long, 1, 2, 10).start, strip(long, 1, 99, 10).start]).toEqual([45, 0, 90]);
});

test("steps pass over tokens of which nothing is told, and stop at the ends", () => {
  expect([stepTo(PROMPT, null, 1), stepTo(PROMPT, 1, 1), stepTo(PROMPT, 2, 1), stepTo(PROMPT, 1, -1)]).toEqual([1, 2, 2, 1]);
});
