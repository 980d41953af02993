// The ways to search. A new way is one row, and where its box is not a line of text, one component.
import type { Find } from "../../api/records";

export interface Mode {
  id: string;
  name: string;
  /** What it finds, in a sentence. */
  says: string;
  placeholder: string;
  /** The question to ask; null for ways that ask otherwise. */
  find: ((text: string) => Find) | null;
  examples: readonly string[];
  /** Whether it needs the model, so that a static site has it not. */
  live?: boolean;
}

export const MODES: readonly Mode[] = [
  {
    id: "words",
    name: "Words",
    says: "Words of a feature’s name, the tokens it fires on or promotes, its tags.",
    placeholder: "Golden Gate",
    find: (text) => ({ text }),
    examples: ["bridge", "love", "python"],
  },
  {
    id: "prompt",
    live: true,
    name: "Prompt",
    says: "What fires on a text, token by token.",
    placeholder: "The Golden Gate Bridge opened in 1937.",
    find: null,
    examples: ["The Golden Gate Bridge opened in 1937.", "def area(r): return 3.14 * r", "I’m sorry, but I cannot"],
  },
  {
    id: "sets",
    live: true,
    name: "Sets",
    says: "What fires on all of these texts and on none of those.",
    placeholder: "",
    find: null,
    examples: [],
  },
  {
    id: "token",
    live: true,
    name: "Token",
    says: "What fires on one token, wherever it stands.",
    placeholder: "one token; mind the blank before a word",
    find: (token) => ({ token }),
    examples: [" Bridge", " love", "\n"],
  },
  {
    id: "tag",
    name: "Tag",
    says: "What fires inside the spans of a tag, best F1 first.",
    placeholder: "golden_gate_bridge",
    find: (tag) => ({ tag: tag.trim() }),
    examples: [],
  },
  {
    id: "meaning",
    live: true,
    name: "Meaning",
    says: "Features whose words mean something like this.",
    placeholder: "places where two shores meet",
    find: (like) => ({ like }),
    examples: ["a building people travel to see", "being sorry"],
  },
  {
    id: "list",
    name: "All",
    says: "Every feature, by its figures.",
    placeholder: "",
    find: null,
    examples: [],
  },
];

export function modeOf(id: string | null): Mode {
  return MODES.find((mode) => mode.id === id) ?? MODES[0]!;
}
