// Text that is being typed, coloured by the answer to what was typed a moment ago.
import type { PromptToken } from "../api/records";
import { heat } from "./scales";

export interface Piece {
  text: string;
  /** Null for text that no answer tells of yet. */
  value: number | null;
  level: number;
  leftOut: PromptToken["left_out"];
}

/**
 * `typed` cut into the tokens of an answer for as far as they are still the same text; the rest is one piece.
 *
 * Tokens that the model adds in front, such as a beginning-of-text sign, are in no typed text and are passed over.
 */
export function pieces(typed: string, tokens: readonly PromptToken[], maximum: number): Piece[] {
  const found: Piece[] = [];
  let at = 0;
  for (const token of tokens) {
    if (!typed.startsWith(token.text, at)) {
      if (token.left_out === "special") continue;
      break;
    }
    const value = token.values[0] ?? 0;
    found.push({ text: token.text, value, level: heat(value, maximum), leftOut: token.left_out });
    at += token.text.length;
  }
  if (at < typed.length) found.push({ text: typed.slice(at), value: null, level: 0, leftOut: null });
  return found;
}

export interface Peak {
  text: string;
  value: number;
  place: number;
}

/** The token at which the first of the features is strongest; null where it does not fire. */
export function peakOf(tokens: readonly PromptToken[]): Peak | null {
  let best: Peak | null = null;
  for (const [place, token] of tokens.entries()) {
    const value = token.values[0] ?? 0;
    if (value > (best?.value ?? 0)) best = { text: token.text, value, place };
  }
  return best;
}
