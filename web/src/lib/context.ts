// A piece of text around the token where a feature fires, cut for one line.
import type { Example } from "../api/records";
import { heat } from "./scales";

export interface Cell {
  text: string;
  /** Whether it is a sign such as `<|im_start|>`, no text. */
  sign: boolean;
  activation: number;
  level: number;
  /** Place among the tokens of the example. */
  place: number;
}

export interface Line {
  left: Cell[];
  peak: Cell;
  right: Cell[];
  /** Whether text was cut away, or the document goes on, at either side. */
  cutLeft: boolean;
}

/** Line breaks and tabs as signs, so that a line stays a line. */
export function visible(text: string): string {
  return text.replace(/\r?\n|\r/g, "↵").replace(/\t/g, "⇥");
}

const SIGN = /^<[|/]?[\w ]+\|?>$/;

/** All tokens of an example with their step of colour. */
export function cells(example: Example, maximum: number): Cell[] {
  return example.tokens.map((text, place) => {
    const activation = example.activations[place] ?? 0;
    return { text, sign: SIGN.test(text), activation, level: heat(activation, maximum), place };
  });
}

/** An example as one line: at most `before` characters left of the peak, in whole tokens, and `after` right of it. */
export function line(example: Example, maximum: number, before = 32, after = 90): Line {
  const all = cells(example, maximum).map((cell) => ({ ...cell, text: visible(cell.text) }));
  const peak = all[example.peak]!;
  const left = all.slice(0, example.peak);
  const kept = takeEnd(left, before);
  return {
    left: kept,
    peak,
    right: takeStart(all.slice(example.peak + 1), after),
    cutLeft: length(kept) < length(left) || example.position > example.peak,
  };
}

/** The last cells that have room. */
function takeEnd(all: Cell[], room: number): Cell[] {
  const kept: Cell[] = [];
  for (let i = all.length - 1; i >= 0 && room > 0; i--) {
    room -= [...all[i]!.text].length;
    if (room >= 0) kept.unshift(all[i]!);
  }
  return kept;
}

function takeStart(all: Cell[], room: number): Cell[] {
  const kept: Cell[] = [];
  for (const cell of all) {
    if (room <= 0) break;
    const characters = [...cell.text];
    kept.push({ ...cell, text: characters.slice(0, room).join("") });
    room -= characters.length;
  }
  return kept;
}

function length(all: Cell[]): number {
  return all.reduce((sum, cell) => sum + [...cell.text].length, 0);
}

/** How many tokens at each side of the peak make two examples the same text. */
const REPEATED = 4;

export interface Folded {
  example: Example;
  /** How many more examples read the same around their peak. */
  repeats: number;
}

/** Examples whose text around the peak is the same, as one with their number; the first of each stays, in order. */
export function fold(examples: readonly Example[]): Folded[] {
  const found = new Map<string, Folded>();
  for (const example of examples) {
    const [from, to] = [Math.max(0, example.peak - REPEATED), example.peak + REPEATED + 1];
    const key = `${example.peak - from}|${example.tokens.slice(from, to).join("")}`;
    const known = found.get(key);
    if (known) known.repeats += 1;
    else found.set(key, { example, repeats: 0 });
  }
  return [...found.values()];
}
