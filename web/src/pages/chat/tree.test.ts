import { describe, expect, test } from "vitest";
import { type Answer, waiting } from "./answers";
import { USUAL } from "./settings";
import { answered, branches, chosen, EMPTY, grown, known, messages, settled, shown, type Tree, turnOf, unanswered } from "./tree";

const said = (text: string, key = "k"): Answer => ({ ...waiting(key), state: "done", cells: [{ text, strongest: [] }], reason: "stop" });
const turn = (parent: number | null, user: string) => ({ parent, user, settings: USUAL, edits: ["7:2"], answers: {} });

/** Who? (1) - Where? (2), and beside the second When? (3). */
function planted(): Tree {
  let tree = grown(EMPTY, turn(null, "Who?")).tree;
  tree = answered(answered(tree, 1, "steered", said("A bridge.")), 1, "plain", said("A program."));
  tree = grown(tree, turn(1, "Where?")).tree;
  tree = answered(tree, 2, "steered", said("Over the bay."));
  return grown(tree, turn(1, "When?")).tree;
}
const users = (tree: Tree) => shown(tree).map(({ user }) => user);

describe("branches", () => {
  test("show the newest, and the one that is chosen", () => {
    const tree = planted();
    expect(users(tree)).toEqual(["Who?", "When?"]);
    expect(users(chosen(tree, turnOf(tree, 2)!))).toEqual(["Who?", "Where?"]);
    expect(branches(tree, 1).map(({ id }) => id)).toEqual([2, 3]);
    expect(users(EMPTY)).toEqual([]);
  });

  test("may begin at the first turn, and keep what follows each", () => {
    const { tree, id } = grown(planted(), turn(null, "What?"));
    expect(users(tree)).toEqual(["What?"]);
    expect(id).toBe(4);
    expect(users(chosen(tree, turnOf(tree, 1)!))).toEqual(["Who?", "When?"]);
  });

  test("leave the others as they are", () => {
    const before = planted();
    const copy = structuredClone(before);
    answered(grown(before, turn(2, "Why?")).tree, 4, "plain", said("Because."));
    expect(before).toEqual(copy);
  });
});

describe("what is sent", () => {
  test("holds the answers of the same side before, and the question last", () => {
    expect(messages(planted(), 3, "steered")).toEqual([
      { role: "user", content: "Who?" },
      { role: "assistant", content: "A bridge." },
      { role: "user", content: "When?" },
    ]);
    expect(messages(planted(), 2, "plain").map(({ content }) => content)).toEqual(["Who?", "A program.", "Where?"]);
  });

  test("begins with what the model is told to be, where it is", () => {
    expect(messages(planted(), 1, "prompt", "You are a bridge.")).toEqual([
      { role: "system", content: "You are a bridge." },
      { role: "user", content: "Who?" },
    ]);
  });

  test("waits for the turns that a side has not answered", () => {
    expect(unanswered(planted(), 2, "steered")).toEqual([]);
    expect(unanswered(planted(), 3, "prompt").map(({ id }) => id)).toEqual([1, 3]);
  });
});

test("an answer is known where another branch made it of the same", () => {
  const tree = answered(planted(), 3, "plain", said("In 1937.", "same"));
  const again = turn(1, "When?");
  expect(known(tree, again, "plain", "same")).toMatchObject({ cells: [{ text: "In 1937." }] });
  expect(known(tree, again, "plain", "other seed")).toBeNull();
  expect(known(tree, { ...again, user: "When then?" }, "plain", "same")).toBeNull();
  expect(known(tree, { ...again, parent: 2 }, "plain", "same")).toBeNull();
  expect(known(answered(tree, 3, "plain", { ...said("In", "same"), state: "stopped" }), again, "plain", "same")).toBeNull();
});

test("what was being written when the page went is found as stopped, or not at all", () => {
  let tree = answered(planted(), 3, "plain", { ...said("In 19"), state: "writing" });
  tree = settled(answered(tree, 3, "steered", waiting("k")));
  expect(turnOf(tree, 3)!.answers).toMatchObject({ plain: { state: "stopped" } });
  expect(turnOf(tree, 3)!.answers.steered).toBeUndefined();
});
