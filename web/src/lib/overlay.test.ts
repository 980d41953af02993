import { describe, expect, test } from "vitest";
import type { PromptToken } from "../api/records";
import { peakOf, pieces } from "./overlay";

const token = (text: string, value = 0, left_out: PromptToken["left_out"] = null): PromptToken => ({ token: 1, text, left_out, fires: 0, strongest: [], values: [value] });
const ANSWER = [token("The", 0, "massive"), token(" Golden"), token(" Gate", 4)];

describe("text that is typed", () => {
  test("is cut into the tokens of its answer", () => {
    const found = pieces("The Golden Gate", ANSWER, 8);
    expect(found.map(({ text }) => text).join("")).toBe("The Golden Gate");
    expect(found.map(({ level }) => level)).toEqual([0, 0, 5]);
  });

  test("keeps its colours up to where it was changed", () => {
    const found = pieces("The Golden Gates are", ANSWER, 8);
    expect(found.map(({ text, value }) => [text, value])).toEqual([["The", 0], [" Golden", 0], [" Gate", 4], ["s are", null]]);
    expect(pieces("The Silver Gate", ANSWER, 8).at(-1)).toMatchObject({ text: " Silver Gate", value: null });
  });

  test("passes over signs that the model adds", () => {
    expect(pieces("The", [token("<s>", 0, "special"), token("The", 1)], 1).map(({ text }) => text)).toEqual(["The"]);
  });
});

test("the peak is the strongest token, and none where nothing fires", () => {
  expect(peakOf(ANSWER)).toEqual({ text: " Gate", value: 4, place: 2 });
  expect(peakOf([token("a")])).toBeNull();
});
