import { describe, expect, test } from "vitest";
import { parseRoute, searchOf } from "../../lib/route";
import { conceptName, type Edit, editQuery, editsOf, formatEdit, parseEdit, rangeOf, steered, steeringOf, summary, withOperation, words } from "./edits";

const EDITS: Edit[] = [
  steered(7732),
  { kind: "feature", number: 3, operation: "add", value: -0.25, positions: "all" },
  { kind: "feature", number: 0, operation: "clamp", value: 0, positions: "answer" },
  { kind: "feature", number: 12, operation: "scale", value: 3.5, positions: "prompt" },
  { kind: "dose", concept: "golden_gate_bridge", value: 1.25 },
];

describe("edits in the address", () => {
  test("come back as they were", () => {
    for (const edit of EDITS) expect(parseEdit(formatEdit(edit))).toEqual(edit);
    const query = searchOf({ edit: editQuery(EDITS) });
    expect(editsOf(parseRoute(`#/s/main/chat?${query}`).query, 10_000)).toEqual(EDITS);
  });

  test("are short where they are the usual", () => {
    expect(EDITS.map(formatEdit)).toEqual(["7732:2", "3:-0.25:add", "0:0:clamp:answer", "12:3.5:scale:prompt", "golden_gate_bridge:1.25"]);
    expect(parseEdit("7732")).toEqual(steered(7732));
    expect(parseEdit("chocolate")).toEqual({ kind: "dose", concept: "chocolate", value: 1 });
  });

  test("of nothing are told apart from no word of them", () => {
    expect(editsOf(new URLSearchParams("seed=3"), 64)).toBeNull();
    expect(editsOf(searchOf({ edit: editQuery([]) }), 64)).toEqual([]);
  });

  test("that are none, or of features that are not there, are left out", () => {
    for (const wrong of ["", ":2", "7:x", "7:2:turn", "7:2:add:here", "7:2:add:all:more", "love:1:add"]) expect(parseEdit(wrong)).toBeNull();
    expect(editsOf(new URLSearchParams("edit=63:1&edit=64:1&edit=7:NaN"), 64)).toEqual([{ ...steered(63), value: 1 }]);
  });
});

test("edits are sent as the API takes them", () => {
  expect(steeringOf([EDITS[1]!, EDITS[4]!])).toEqual([
    { feature: 3, operation: "add", value: -0.25, positions: "all" },
    { concept: "golden_gate_bridge", value: 1.25 },
  ]);
});

test("another operation keeps the value as far as it can", () => {
  expect(withOperation({ ...steered(1), value: -1 }, "raise")).toMatchObject({ operation: "raise", value: 0 });
  expect(withOperation({ ...steered(1), value: 1.5 }, "scale")).toMatchObject({ operation: "scale", value: 1.5 });
});

test("a factor does not fade", () => {
  const fading = { ...steered(1), positions: "fading" as const };
  expect(withOperation(fading, "scale")).toMatchObject({ operation: "scale", positions: "all" });
  expect(withOperation(fading, "add")).toMatchObject({ operation: "add", positions: "fading" });
});

test("a track holds its value and its curve", () => {
  expect(rangeOf(steered(1))).toEqual({ low: -2, high: 4 });
  expect(rangeOf({ ...steered(1), value: 6.5 }, 9)).toEqual({ low: -2, high: 9 });
  expect(rangeOf({ kind: "dose", concept: "love", value: -0.5 })).toEqual({ low: -1, high: 2 });
});

test("edits are told in words", () => {
  expect(EDITS.map(words)).toEqual([
    "7732 at 2 ×",
    "3 plus −0.250 ×",
    "0 at 0 ×, answer only",
    "12 times 3.50, prompt only",
    "Golden Gate Bridge, 1.25 × its dose",
  ]);
  expect(summary(EDITS)).toBe("7732 at 2 ×; 3 plus −0.250 ×; 3 more");
  expect(summary(EDITS.slice(0, 3))).toBe("7732 at 2 ×; 3 plus −0.250 ×; 0 at 0 ×, answer only");
  expect(conceptName("new_york_city")).toBe("New York City");
});
