import { expect, test } from "vitest";
import type { PromptRecord } from "../../api/records";
import { activationAt, columns, firing, parseNumbers, rowsOf, scaleOf, strongestUpTo } from "./rows";

const token = (text: string, strongest: [number, number, number][], values: number[] = []): PromptRecord["tokens"][number] => ({
  text,
  token: 0,
  left_out: null,
  fires: strongest.length,
  values,
  strongest: strongest.map(([number, activation, share]) => ({ number, activation, share })),
});
const PROMPT: PromptRecord = {
  features: [7, 1],
  tokens: [token("a", [[1, 9, 0.3], [2, 4, 0.8]], [0, 9]), token("b", [[3, 5, 0.5], [1, 2, 0.1]], [0.5, 2])],
};
const CHOICE = { pinned: [], hidden: [], at: null, most: 10 };

test("rows are those nearest to their own maximum, or the strongest of a token", () => {
  expect(rowsOf(PROMPT, CHOICE).map(({ number }) => number)).toEqual([2, 3, 1]);
  expect(rowsOf(PROMPT, { ...CHOICE, at: 1 })).toEqual([
    { number: 3, pinned: false, place: 1, activation: 5, share: 0.5 },
    { number: 1, pinned: false, place: 0, activation: 9, share: 0.3 },
  ]);
  expect(firing(PROMPT)).toBe(3);
});

test("pinned features come first, silent ones too; hidden ones never come; there are no more than were asked for", () => {
  const rows = rowsOf(PROMPT, { ...CHOICE, pinned: [7, 1], hidden: [2], most: 3 });
  expect(rows.map(({ number, pinned }) => [number, pinned])).toEqual([[7, true], [1, true], [3, false]]);
  expect(rows[0]).toMatchObject({ place: null, activation: 0, share: null });
  expect(rowsOf(PROMPT, { ...CHOICE, pinned: [7, 1], most: 1 })).toHaveLength(2);
});

test("exact activations take the place of those among the strongest", () => {
  expect(activationAt(PROMPT, new Map(), 7, 1)).toBe(0);
  expect(activationAt(PROMPT, new Map(), 1, 1)).toBe(2);
  const known = new Map(columns(PROMPT));
  expect(activationAt(PROMPT, known, 7, 1)).toBe(0.5);
  expect(strongestUpTo(PROMPT, known, 7, 0)).toBe(0);
  expect(strongestUpTo(PROMPT, known, 1, 1)).toBe(9);
});

test("a feature's scale is its maximum, else its largest here, else the largest here at all", () => {
  const known = new Map(columns(PROMPT));
  expect(scaleOf(PROMPT, known, 1, 30)).toBe(30);
  expect(scaleOf(PROMPT, known, 1, null)).toBe(9);
  expect(scaleOf(PROMPT, known, 50, null)).toBe(9);
});

test("numbers of an address are features of this SAE, each once", () => {
  expect(parseNumbers("5,2,5,x,-1,64", 64)).toEqual([5, 2]);
  expect(parseNumbers(null, 64)).toEqual([]);
});
