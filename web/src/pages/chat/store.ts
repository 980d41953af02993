// The conversation of an SAE as this tab remembers it, small enough for the browser's storage.
import type { Answer } from "./answers";
import type { Tree, Turn } from "./tree";

type Packed = [text: string, strongest: [number: number, activation: number, share: number | null][] | null];
type PackedAnswer = Omit<Answer, "cells"> & { cells: Packed[] };
type PackedTurn = Omit<Turn, "answers"> & { answers: Record<string, PackedAnswer> };

/** What is kept beside the conversation: the query, so that the page comes back as it was. */
export interface Kept {
  tree: Tree;
  query: string;
}

export function storeKey(study: string, sae: string): string {
  return `monosema.chat ${study}/${sae}`;
}

const short = (value: number) => Number(value.toPrecision(3));

/** As text; without the features of the tokens it is much shorter. */
export function pack({ tree, query }: Kept, features = true): string {
  const cells = (answer: Answer): Packed[] =>
    answer.cells.map(({ text, strongest }) => [
      text,
      strongest && features ? strongest.map(({ number, activation, share }) => [number, short(activation), share === null ? null : short(share)]) : null,
    ]);
  const turns = tree.turns.map((turn) => ({
    ...turn,
    answers: Object.fromEntries(Object.entries(turn.answers).map(([side, answer]) => [side, { ...answer, cells: cells(answer) }])),
  }));
  return JSON.stringify({ version: 1, turns, chosen: tree.chosen, query });
}

/** Null for what another version, or another program, has written. */
export function unpack(text: string | null): Kept | null {
  try {
    const found = JSON.parse(text ?? "null") as { version: number; turns: PackedTurn[]; chosen: Record<string, number>; query: string } | null;
    if (found?.version !== 1) return null;
    const answers = (packed: Record<string, PackedAnswer>) =>
      Object.fromEntries(
        Object.entries(packed).map(([side, answer]) => [
          side,
          {
            ...answer,
            cells: answer.cells.map(([text, strongest]) => ({
              text,
              strongest: strongest?.map(([number, activation, share]) => ({ number, activation, share })) ?? null,
            })),
          },
        ]),
      );
    return { tree: { turns: found.turns.map((turn) => ({ ...turn, answers: answers(turn.answers) })), chosen: found.chosen }, query: found.query };
  } catch {
    return null;
  }
}

/** Keeps it in this tab; where there is no room for all, its texts alone. */
export function keep(storage: Storage | null, key: string, kept: Kept): void {
  for (const features of [true, false]) {
    try {
      storage?.setItem(key, pack(kept, features));
      return;
    } catch {
      // Full, or forbidden: the conversation then lives as long as the page.
    }
  }
}
