import { expect, test } from "vitest";
import { type Answer, waiting } from "./answers";
import { USUAL } from "./settings";
import { keep, pack, unpack } from "./store";
import { answered, EMPTY, grown } from "./tree";

const ANSWER: Answer = {
  ...waiting("k"),
  state: "done",
  reason: "length",
  rate: 21,
  cells: [{ text: "The", strongest: [{ number: 7, activation: 3.142, share: 0.5123 }, { number: 9, activation: 1, share: null }] }, { text: " Gate", strongest: null }],
};
const TREE = answered(grown(EMPTY, { parent: null, user: "Who?", settings: USUAL, edits: ["7:2"], answers: {} }).tree, 1, "steered", ANSWER);
const KEPT = { tree: TREE, query: "edit=7:2" };

test("a conversation comes back, its figures to three digits", () => {
  const found = unpack(pack(KEPT))!;
  expect(found.query).toBe("edit=7:2");
  expect(found.tree.chosen).toEqual(TREE.chosen);
  const cells = found.tree.turns[0]!.answers.steered!.cells;
  expect(cells[0]!.strongest).toEqual([{ number: 7, activation: 3.14, share: 0.512 }, { number: 9, activation: 1, share: null }]);
  expect(cells[1]).toEqual({ text: " Gate", strongest: null });
});

test("what is no conversation is none", () => {
  for (const text of [null, "", "{", "[]", '{"version": 2, "turns": []}', '{"version": 1}']) expect(unpack(text)).toBeNull();
});

test("where there is little room the texts are kept", () => {
  const rows = new Map<string, string>();
  const small = { setItem: (key: string, text: string) => (text.includes("3.14") ? fail() : rows.set(key, text)) } as unknown as Storage;
  keep(small, "key", KEPT);
  expect(unpack(rows.get("key")!)?.tree.turns[0]!.answers.steered!.cells).toEqual([{ text: "The", strongest: null }, { text: " Gate", strongest: null }]);
  keep(null, "key", KEPT);
});

function fail(): never {
  throw new DOMException("", "QuotaExceededError");
}
