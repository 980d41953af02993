// What to steer by: features, each with an operation and a value, and concepts at their stored doses. The address tells
// them as `edit=7732:2`, `edit=7732:1.5:add:answer` and `edit=golden_gate_bridge:1`.
import type { Steer } from "../../api/chat";
import { figure } from "../../lib/format";

export type Operation = NonNullable<Steer["operation"]>;
export type Positions = NonNullable<Steer["positions"]>;

export interface FeatureEdit {
  kind: "feature";
  number: number;
  operation: Operation;
  /** A multiple of the feature's largest activation; a factor for `scale`. */
  value: number;
  positions: Positions;
}

export interface DoseEdit {
  kind: "dose";
  concept: string;
  /** A multiple of the stored dose. */
  value: number;
}

export type Edit = FeatureEdit | DoseEdit;

/** What the server takes at most. */
export const MOST_EDITS = 32;
/** Stands in the address for an edit of nothing, which is not the same as no word of it. */
export const NONE = "none";
/** What a feature is put at where nothing is said: the server's own default. */
export const USUAL = 2;

interface Kind {
  id: Operation;
  /** What it does to the activation, in a sentence. */
  says: string;
  low: number;
  high: number;
}

export const OPERATIONS: readonly Kind[] = [
  { id: "clamp", says: "holds it at this value", low: -2, high: 4 },
  { id: "raise", says: "lifts it to at least this", low: 0, high: 4 },
  { id: "add", says: "adds this to it", low: -2, high: 4 },
  { id: "scale", says: "multiplies it by this", low: 0, high: 8 },
];

export const POSITIONS: readonly { id: Positions; name: string }[] = [
  { id: "all", name: "everywhere" },
  { id: "prompt", name: "prompt" },
  { id: "answer", name: "answer" },
  { id: "fading", name: "fading" },
];

export const DOSE_RANGE = { low: 0, high: 2 } as const;

export function steered(number: number): FeatureEdit {
  return { kind: "feature", number, operation: "clamp", value: USUAL, positions: "all" };
}

export function kindOf(operation: Operation): Kind {
  return OPERATIONS.find(({ id }) => id === operation)!;
}

/** The same feature edited in another way: the value stays as far as that way can have it. */
export function withOperation(edit: FeatureEdit, operation: Operation): FeatureEdit {
  const positions = fits(operation, edit.positions) ? edit.positions : "all";
  return { ...edit, operation, positions, value: Math.max(kindOf(operation).low, edit.value) };
}

/** Whether an operation means something there: a third of a factor does not. */
export function fits(operation: Operation, positions: Positions): boolean {
  return operation !== "scale" || positions !== "fading";
}

/** Ends of the track on which a value is chosen: the usual ones, wider where the value or the curve is. */
export function rangeOf(edit: Edit, reach = 0): { low: number; high: number } {
  const { low, high } = edit.kind === "dose" ? DOSE_RANGE : kindOf(edit.operation);
  return { low: Math.min(low, Math.floor(edit.value)), high: Math.max(high, Math.ceil(edit.value), Math.ceil(reach)) };
}

export function formatEdit(edit: Edit): string {
  const value = String(Number(edit.value.toPrecision(4)));
  if (edit.kind === "dose") return `${edit.concept}:${value}`;
  const tail = edit.positions === "all" ? (edit.operation === "clamp" ? [] : [edit.operation]) : [edit.operation, edit.positions];
  return [edit.number, value, ...tail].join(":");
}

/** Null for what is no edit. */
export function parseEdit(text: string): Edit | null {
  const [name = "", amount = "", operation = "clamp", positions = "all", ...more] = text.split(":");
  const value = amount === "" ? null : Number(amount);
  if (more.length || name === "" || (value !== null && !Number.isFinite(value))) return null;
  if (!/^\d+$/.test(name)) {
    return text.split(":").length > 2 ? null : { kind: "dose", concept: name, value: value ?? 1 };
  }
  const known = OPERATIONS.find(({ id }) => id === operation);
  const where = POSITIONS.find(({ id }) => id === positions);
  return known && where && fits(known.id, where.id) ? { kind: "feature", number: Number(name), operation: known.id, value: value ?? USUAL, positions: where.id } : null;
}

/** The edits of an address; null where it says nothing of them. What is none of an SAE of this size is left out. */
export function editsOf(query: URLSearchParams, d_sae: number): Edit[] | null {
  if (!query.has("edit")) return null;
  return query
    .getAll("edit")
    .filter((text) => text !== NONE)
    .map(parseEdit)
    .filter((edit): edit is Edit => edit !== null && (edit.kind === "dose" || edit.number < d_sae))
    .slice(0, MOST_EDITS);
}

/** What the address holds for edits. */
export function editQuery(edits: readonly Edit[]): string[] {
  return edits.length ? edits.map(formatEdit) : [NONE];
}

/** One text for the same edits. */
export function keyOf(edits: readonly Edit[]): string {
  return edits.map(formatEdit).join(" ");
}

/** Edits as the API takes them. */
export function steeringOf(edits: readonly Edit[]): Steer[] {
  return edits.map((edit) =>
    edit.kind === "dose"
      ? { concept: edit.concept, value: edit.value }
      : { feature: edit.number, operation: edit.operation, value: edit.value, positions: edit.positions },
  );
}

/** `golden_gate_bridge` as a name. */
export function conceptName(concept: string): string {
  return concept.replace(/_/g, " ").replace(/(^| )\p{Ll}/gu, (first) => first.toUpperCase());
}

/** All of an edit in a few words: the first things, and how many more there are. */
export function summary(edits: readonly Edit[], most = 2): string {
  const told = edits.slice(0, edits.length > most + 1 ? most : edits.length).map(words);
  return [...told, ...(told.length < edits.length ? [`${edits.length - told.length} more`] : [])].join("; ");
}

/** One thing of an edit in a few words, such as "7732 at 2 ×" or "Golden Gate Bridge, 1.5 × its dose". */
export function words(edit: Edit): string {
  const value = `${figure(edit.value)} ×`;
  if (edit.kind === "dose") return `${conceptName(edit.concept)}, ${value} its dose`;
  const how = { clamp: `at ${value}`, raise: `at least ${value}`, add: `plus ${value}`, scale: `times ${figure(edit.value)}` }[edit.operation];
  const where = { all: "", prompt: ", prompt only", answer: ", answer only", fading: ", a third after the prompt" }[edit.positions];
  return `${edit.number} ${how}${where}`;
}
