// What features are called, and on what grounds.
import type { FeatureName } from "../api/records";
import { percent, share } from "./format";

/** What to show where a name belongs. */
export function nameOf(feature: { name: FeatureName | null }): string {
  return feature.name?.text || "no name yet";
}

/** The rule of a name that a person gave. */
export const OWN = "own";

// What a rule's measured share is a share of: docs of monosema.index.naming.
const RULES: Record<string, (confidence: number) => string> = {
  tag: (c) => `it fires inside the spans of this tag, F1 ${share(c)}`,
  phrase: (c) => `${percent(c)} of its activation is at this token after that one`,
  before: (c) => `${percent(c)} of its activation is before this word, which it promotes`,
  word: (c) => `${percent(c)} of its activation is at forms of this word`,
  token: (c) => `${percent(c)} of its activation is at this token`,
  class: (c) => `${percent(c)} of its activation is at tokens of this class`,
  place: (c) => `${percent(c)} of its activation is at the first token of a document`,
  tokens: (c) => `its two best tokens, with ${percent(c)} of its activation`,
  dead: () => "it never fires in the text that was read",
  none: () => "no rule found a pattern",
};

/** Who named it and how sure that is, as a sentence without its end; for a name of a person's what rules call it. */
export function groundsOf(name: FeatureName, byRule: FeatureName | null = null): string {
  if (name.rule === OWN) return `Named by ${name.by}${byRule ? `; by rule: ${byRule.text}` : ""}`;
  const words = RULES[name.rule]?.(name.confidence) ?? `confidence ${share(name.confidence)}`;
  return name.by === "rule" ? `Named by rule: ${words}` : `Named by ${name.by}: ${words}`;
}
