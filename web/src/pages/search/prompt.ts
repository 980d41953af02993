// From the features at each token to lists of features and strips of colour.
import type { PromptRecord, PromptToken } from "../../api/records";
import { visible } from "../../lib/context";
import { plural } from "../../lib/format";
import { clamp } from "../../lib/scales";

export interface Fired {
  number: number;
  activation: number;
  /** Of its largest activation in the index; null where that is not known. */
  share: number | null;
  /** Token at which it is this strong. */
  place: number;
}

/** The number of the one token that a text is; else why it is none, in a sentence. */
export function onlyToken({ tokens }: PromptRecord): number | string {
  // What the tokenizer puts before every text is not of the text.
  const own = tokens.filter(({ left_out }) => left_out !== "special");
  if (own.length === 1) return own[0]!.token;
  return `That is ${plural(own.length, "token")}${own.length ? `: ${own.map(({ text }) => `“${visible(text)}”`).join(", ")}` : ""}. Mind the blank before a word.`;
}

/** How near the feature that is nearest to its own maximum is to it, 0 to 1. */
export function nearest(token: PromptToken): number {
  return clamp(Math.max(0, ...token.strongest.map(({ share }) => share ?? 0)));
}

/** The features of one token, strongest first. */
export function firedAt(prompt: PromptRecord, place: number): Fired[] {
  return (prompt.tokens[place]?.strongest ?? []).map((firing) => ({ ...firing, place }));
}

/** Features of the whole prompt, each at its strongest token: nearest to their own maximum first. */
export function firedAnywhere(prompt: PromptRecord): Fired[] {
  const found = new Map<number, Fired>();
  for (const [place, token] of prompt.tokens.entries()) {
    for (const firing of token.strongest) {
      const known = found.get(firing.number);
      if (!known || firing.activation > known.activation) found.set(firing.number, { ...firing, place });
    }
  }
  return [...found.values()].sort((a, b) => (b.share ?? 0) - (a.share ?? 0) || b.activation - a.activation);
}

export interface Strip {
  /** Place of the first token that it shows. */
  start: number;
  /** Activation at each token; null where it is not among those told of that token. */
  values: (number | null)[];
}

/** The activations of a feature along a prompt, around a token where the prompt is long. */
export function strip(prompt: PromptRecord, number: number, at: number, most = 32): Strip {
  const start = clamp(at - Math.floor(most / 2), 0, Math.max(0, prompt.tokens.length - most));
  const shown = prompt.tokens.slice(start, start + most);
  return { start, values: shown.map((token) => token.strongest.find((one) => one.number === number)?.activation ?? null) };
}

/** The token to step to from another one, over those of which nothing is told. */
export function stepTo(prompt: PromptRecord, from: number | null, by: 1 | -1): number | null {
  let at = from ?? (by > 0 ? -1 : prompt.tokens.length);
  do at += by;
  while (prompt.tokens[at]?.left_out);
  return prompt.tokens[at] ? at : from;
}
