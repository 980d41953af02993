// A conversation that branches: each turn is a question and what each side answered. Nothing of it is changed in place.
import type { ChatTurn } from "../../api/chat";
import { type Answer, isOpen, textOf } from "./answers";
import type { Settings } from "./settings";

/** Who answers: the steered model, and what it is compared with. */
export type Side = "steered" | "plain" | "prompt" | "random";

export interface Turn {
  id: number;
  /** The turn before; null for a first one. */
  parent: number | null;
  user: string;
  settings: Settings;
  /** The edits that the steered answer was asked with, as the address tells them. */
  edits: readonly string[];
  answers: Partial<Record<Side, Answer>>;
}

export interface Tree {
  turns: readonly Turn[];
  /** The branch that is shown after each turn; under "" that of first turns. */
  chosen: Readonly<Record<string, number>>;
}

export const EMPTY: Tree = { turns: [], chosen: {} };

const keyOf = (parent: number | null) => (parent === null ? "" : String(parent));

export function turnOf(tree: Tree, id: number | null): Turn | null {
  return tree.turns.find((turn) => turn.id === id) ?? null;
}

/** Turns that begin at the same place, oldest first. */
export function branches(tree: Tree, parent: number | null): Turn[] {
  return tree.turns.filter((turn) => turn.parent === parent);
}

/** The turns that are shown, in order. */
export function shown(tree: Tree): Turn[] {
  const path: Turn[] = [];
  for (;;) {
    const parent = path.at(-1)?.id ?? null;
    const next = branches(tree, parent);
    const turn = next.find(({ id }) => id === tree.chosen[keyOf(parent)]) ?? next.at(-1);
    if (!turn) return path;
    path.push(turn);
  }
}

/** The turns up to one, in order. */
export function upTo(tree: Tree, id: number): Turn[] {
  const path: Turn[] = [];
  for (let turn = turnOf(tree, id); turn; turn = turnOf(tree, turn.parent)) path.unshift(turn);
  return path;
}

/** With a turn more, which is shown. */
export function grown(tree: Tree, turn: Omit<Turn, "id">): { tree: Tree; id: number } {
  const id = 1 + Math.max(0, ...tree.turns.map((one) => one.id));
  return { tree: { turns: [...tree.turns, { ...turn, id }], chosen: { ...tree.chosen, [keyOf(turn.parent)]: id } }, id };
}

/** With another branch shown. */
export function chosen(tree: Tree, turn: Turn): Tree {
  return { ...tree, chosen: { ...tree.chosen, [keyOf(turn.parent)]: turn.id } };
}

export function answered(tree: Tree, id: number, side: Side, answer: Answer): Tree {
  return { ...tree, turns: tree.turns.map((turn) => (turn.id === id ? { ...turn, answers: { ...turn.answers, [side]: answer } } : turn)) };
}

/** What is sent so that a side answers a turn: the same side's answers before; `system` goes in front where it is given. */
export function messages(tree: Tree, id: number, side: Side, system: string | null = null): ChatTurn[] {
  const path = upTo(tree, id);
  const before = path.slice(0, -1).flatMap((turn): ChatTurn[] => {
    const answer = turn.answers[side];
    return [{ role: "user", content: turn.user }, { role: "assistant", content: answer ? textOf(answer) : "" }];
  });
  const head: ChatTurn[] = system === null ? [] : [{ role: "system", content: system }];
  return [...head, ...before, { role: "user", content: path.at(-1)!.user }];
}

/** Turns up to one that a side has not answered yet. */
export function unanswered(tree: Tree, id: number, side: Side): Turn[] {
  return upTo(tree, id).filter((turn) => !turn.answers[side]);
}

/**
 * An answer that is whole and was made of the same: of a branch with the same question, the same turns before it and the
 * same key, which holds all else.
 */
export function known(tree: Tree, turn: Omit<Turn, "id" | "answers">, side: Side, key: string): Answer | null {
  for (const other of branches(tree, turn.parent)) {
    const answer = other.answers[side];
    if (other.user === turn.user && answer?.state === "done" && answer.key === key) return answer;
  }
  return null;
}

/** Without what was being written when the page went: as one finds it again. */
export function settled(tree: Tree): Tree {
  const turns = tree.turns.map((turn) => ({
    ...turn,
    answers: Object.fromEntries(
      Object.entries(turn.answers)
        .filter(([, answer]) => !(isOpen(answer) && answer.cells.length === 0))
        .map(([side, answer]) => [side, isOpen(answer) ? { ...answer, state: "stopped" as const } : answer]),
    ),
  }));
  return { ...tree, turns };
}
