// An answer as it is written: its tokens, and the features that fire at each.
import type { ChatChunk, Firing } from "../../api/chat";
import { heat } from "../../lib/scales";

/** A token of an answer. */
export interface Cell {
  text: string;
  /** The strongest features at it; null while the model has not read it: the last token stays so. */
  strongest: readonly Firing[] | null;
}

export interface Answer {
  /** Waits for the model; is being written; ended; was stopped or failed on the way. */
  state: "waiting" | "writing" | "done" | "stopped" | "failed";
  cells: readonly Cell[];
  /** Why it ended: by itself, or at the most tokens that it may have. */
  reason: "stop" | "length" | null;
  /** What it was made of, so that the same is not asked for twice. */
  key: string;
  /** Tokens written a second; null until it is known. */
  rate: number | null;
  /** Whether the same seed gave the same text again; null where nobody has replayed it. */
  same: boolean | null;
}

export function waiting(key: string): Answer {
  return { state: "waiting", cells: [], reason: null, key, rate: null, same: null };
}

export function textOf(answer: Answer): string {
  return answer.cells.map(({ text }) => text).join("");
}

/**
 * An answer with one more piece of the stream.
 *
 * Features come after the text of their token and before that of the next one, so what came since the last features is
 * their token; a piece of a character has no text of its own and goes into the token that ends it.
 */
export function taken(answer: Answer, piece: ChatChunk): Answer {
  const choice = piece.choices[0];
  if (!choice) return answer;
  let { cells } = answer;
  if (choice.delta.content) {
    const last = cells.at(-1);
    cells =
      last && last.strongest === null
        ? [...cells.slice(0, -1), { text: last.text + choice.delta.content, strongest: null }]
        : [...cells, { text: choice.delta.content, strongest: null }];
  }
  for (const { strongest } of choice.features ?? []) {
    const last = cells.at(-1);
    if (last && last.strongest === null) cells = [...cells.slice(0, -1), { ...last, strongest }];
  }
  const reason = choice.finish_reason ?? answer.reason;
  return { ...answer, cells, reason, state: reason ? "done" : "writing" };
}

/** A token as prose: the blank before a word stays outside of its colour. */
export function parted(text: string): [blank: string, word: string] {
  const word = text.trimStart();
  return [text.slice(0, text.length - word.length), word];
}

/** How strongly a feature fires at a token; null where that is not told: it is not among the strongest. */
export function firing(cell: Cell, number: number): Firing | null {
  return cell.strongest?.find((one) => one.number === number) ?? null;
}

/** Step of colour of a firing. */
export function levelOf(found: Firing | null): number {
  return found ? heat(found.share ?? 0, 1) : 0;
}

/** At how many tokens a feature is among the strongest, of those that the model has read. */
export function firedAt(answer: Answer, number: number): { fired: number; read: number } {
  const known = answer.cells.filter(({ strongest }) => strongest !== null);
  return { fired: known.filter((cell) => firing(cell, number)).length, read: known.length };
}

export function isOpen({ state }: Answer): boolean {
  return state === "waiting" || state === "writing";
}
