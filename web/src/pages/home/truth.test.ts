import { expect, test } from "vitest";
import type { GroundTruthFigures } from "../../api/records";
import { groundsOf, rowsOf } from "./truth";

const FIGURES: GroundTruthFigures = { concepts: 148, shown: 62, seen_often: 1, seen_shown: { value: 0.5, low: 0.1, high: 0.9 }, documents: 1204, named: true };

test("ground truth tells how many concepts have a feature, of how many", () => {
  expect(rowsOf(FIGURES)).toEqual([
    { name: "Concepts with a feature", value: "62", unit: "of 148", dot: 62 / 148 },
    { name: "Of the 1 concept seen most often", value: "0.50", unit: "0.10 to 0.90", dot: 0.5 },
  ]);
  expect(groundsOf(FIGURES)).toMatch(/^On 1,204 documents that it never saw: F1 of \.6/);
});

test("where nothing could be scored or shown, a sentence says why", () => {
  expect(rowsOf({ ...FIGURES, seen_shown: null })).toHaveLength(1);
  expect(rowsOf({ ...FIGURES, concepts: 0, shown: 0 })).toEqual([]);
  expect(groundsOf({ ...FIGURES, concepts: 0, documents: 1 })).toBe("On 1 document that it never saw, no concept stands often enough to be scored.");
  expect(groundsOf({ ...FIGURES, named: false })).toMatch(/nothing counts as shown/);
});
