// Ground truth in a few figures.
import type { GroundTruthFigures } from "../../api/records";
import { count, plural, share } from "../../lib/format";

export interface TruthRow {
  name: string;
  value: string;
  unit: string;
  /** Share, 0 to 1. */
  dot: number;
}

/** How many of the concepts have a feature, of all that were scored and of those that are seen often; none without any. */
export function rowsOf({ concepts, shown, seen_often, seen_shown }: GroundTruthFigures): TruthRow[] {
  if (concepts === 0) return [];
  const rows = [{ name: "Concepts with a feature", value: count(shown), unit: `of ${count(concepts)}`, dot: shown / concepts }];
  if (seen_shown === null || seen_shown.value === null) return rows;
  const { value, low, high } = seen_shown;
  const often = { name: `Of the ${plural(seen_often, "concept")} seen most often`, value: share(value), unit: `${share(low)} to ${share(high)}`, dot: value };
  return [...rows, often];
}

/** What the figures rest on. */
export function groundsOf({ concepts, documents, named }: GroundTruthFigures): string {
  const where = `On ${plural(documents, "document")} that it never saw`;
  if (concepts === 0) return `${where}, no concept stands often enough to be scored.`;
  if (!named) return `${where}. No name is marked in this text, so nothing counts as shown.`;
  return `${where}: F1 of .6 or more where no name stands near, and more than the best token has.`;
}
