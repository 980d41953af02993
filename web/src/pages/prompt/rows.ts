// Which features the heat map shows, and how strongly each fires at each token.
import type { PromptRecord } from "../../api/records";
import { firedAnywhere, firedAt } from "../search/prompt";

export interface Row {
  number: number;
  pinned: boolean;
  /** Its strongest token; null where it is not among the strongest features of any. */
  place: number | null;
  activation: number;
  /** Of its largest activation in the index. */
  share: number | null;
}

export interface Choice {
  /** Shown in any case, above all others. */
  pinned: readonly number[];
  /** Not shown. */
  hidden: readonly number[];
  /** The token whose strongest features are shown; null for the strongest over the prompt. */
  at: number | null;
  most: number;
}

/** Pinned features in their order, then the strongest. */
export function rowsOf(prompt: PromptRecord, { pinned, hidden, at, most }: Choice): Row[] {
  const anywhere = firedAnywhere(prompt);
  const best = new Map(anywhere.map((one) => [one.number, one]));
  const first = pinned.map((number): Row => {
    const fired = best.get(number);
    return { number, pinned: true, place: fired?.place ?? null, activation: fired?.activation ?? 0, share: fired?.share ?? null };
  });
  const others = (at === null ? anywhere : firedAt(prompt, at)).filter(({ number }) => !pinned.includes(number) && !hidden.includes(number));
  const rest = others.slice(0, Math.max(0, most - first.length)).map(({ number }) => ({ ...best.get(number)!, pinned: false }));
  return [...first, ...rest];
}

/** How many features are among the strongest of some token. */
export function firing(prompt: PromptRecord): number {
  return new Set(prompt.tokens.flatMap(({ strongest }) => strongest.map(({ number }) => number))).size;
}

/** Activations by feature, one a token; what the strongest of each token tell until the exact ones are there. */
export type Known = ReadonlyMap<number, readonly number[]>;

export function activationAt(prompt: PromptRecord, known: Known, number: number, place: number): number {
  const exact = known.get(number);
  if (exact) return exact[place] ?? 0;
  return prompt.tokens[place]?.strongest.find((one) => one.number === number)?.activation ?? 0;
}

/** The largest activation of a feature over the tokens up to a place, which is all that what comes next can rest on. */
export function strongestUpTo(prompt: PromptRecord, known: Known, number: number, place: number): number {
  return Math.max(0, ...prompt.tokens.slice(0, place + 1).map((_, i) => activationAt(prompt, known, number, i)));
}

/** What an answer tells of the features that were asked for, as columns. */
export function columns(record: PromptRecord): [number, number[]][] {
  return record.features.map((number, i) => [number, record.tokens.map(({ values }) => values[i] ?? 0)]);
}

/**
 * What counts as 1 for a feature: its largest activation in the index, else the largest of this prompt, else of all
 * features in it.
 */
export function scaleOf(prompt: PromptRecord, known: Known, number: number, maximum: number | null): number {
  if (maximum) return maximum;
  const own = Math.max(0, ...prompt.tokens.map((_, place) => activationAt(prompt, known, number, place)));
  return own || Math.max(0, ...prompt.tokens.map(({ strongest }) => strongest[0]?.activation ?? 0)) || 1;
}

/** Numbers as the address keeps them, `5301,268`. */
export function parseNumbers(text: string | null, size: number): number[] {
  const found = (text ?? "").split(",").filter((one) => /^\d+$/.test(one)).map(Number);
  return [...new Set(found)].filter((number) => number < size);
}
