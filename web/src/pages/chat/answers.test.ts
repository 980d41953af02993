import { describe, expect, test } from "vitest";
import type { ChatChunk, Firing } from "../../api/chat";
import { firedAt, firing, levelOf, parted, taken, textOf, waiting } from "./answers";

const chunk = (content: string | null, features: Firing[][] = [], finish: "stop" | "length" | null = null): ChatChunk => ({
  id: "x", created: 0, model: "m", seed: 0,
  choices: [{ delta: content === null ? {} : { content }, finish_reason: finish, features: features.map((strongest, index) => ({ index, token: 1, text: "?", strongest })) }],
});
const at = (number: number, share: number): Firing[] => [{ number, activation: 4 * share, share }];
const all = (chunks: ChatChunk[]) => chunks.reduce(taken, waiting("k"));

describe("an answer", () => {
  test("is its tokens, each with the features that come after its text", () => {
    const answer = all([chunk(""), chunk("The"), chunk(null, [at(7, 0.5)]), chunk(" Gate"), chunk(null, [[]]), chunk(".")]);
    expect(answer.cells.map(({ text }) => text)).toEqual(["The", " Gate", "."]);
    expect(answer.cells.map((cell) => cell.strongest?.length)).toEqual([1, 0, undefined]);
    expect(answer.state).toBe("writing");
  });

  test("joins the pieces of a character", () => {
    // The first piece of 🌉 has no text; the features of that piece belong to no text, either.
    const answer = all([chunk("A"), chunk(null, [at(1, 1)]), chunk(null, [at(2, 1)]), chunk("🌉"), chunk(null, [at(3, 1)])]);
    expect(answer.cells.map(({ text, strongest }) => [text, strongest?.[0]?.number])).toEqual([["A", 1], ["🌉", 3]]);
  });

  test("says why it ended, and passes over what tells no text", () => {
    const answer = all([chunk("Yes"), chunk(null, [], "length"), { ...chunk(null), choices: [] }]);
    expect([answer.state, answer.reason, textOf(answer)]).toEqual(["done", "length", "Yes"]);
  });

  test("without features is one run of text", () => {
    expect(all([chunk("I"), chunk(" am")]).cells).toEqual([{ text: "I am", strongest: null }]);
  });
});

test("the blank before a word is no part of it", () => {
  expect([parted(" Gate"), parted("\n\nThe"), parted("s "), parted("  ")]).toEqual([[" ", "Gate"], ["\n\n", "The"], ["", "s "], ["  ", ""]]);
});

test("a token is coloured by one feature, and counts where it is among the strongest", () => {
  const answer = all([chunk("a"), chunk(null, [at(7, 0.5)]), chunk("b"), chunk(null, [at(8, 3)]), chunk("c")]);
  expect(answer.cells.map((cell) => levelOf(firing(cell, 7)))).toEqual([5, 0, 0]);
  expect(levelOf(firing(answer.cells[1]!, 8))).toBe(10);
  expect(firedAt(answer, 7)).toEqual({ fired: 1, read: 2 });
});
