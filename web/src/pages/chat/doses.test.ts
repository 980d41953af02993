import { expect, test } from "vitest";
import type { DosePoint, DoseRecord } from "../../api/records";
import { doseCurve, featureCurve, groundsOf, leadOf, read } from "./doses";

const point = (features: [number, number][], multiple: number, named: number, fluent: number, answers = 24): DosePoint => ({
  features: features.map(([number, weight]) => ({ number, weight, maximum: 4, value: 4 * weight * multiple, operation: features.length > 1 ? "add" : "clamp" })),
  multiple,
  positions: "all",
  named,
  fluent,
  both: named * fluent,
  answers,
});
const SET: [number, number][] = [[7, 0.4], [9, 0.9]];
const RECORD: DoseRecord = {
  concept: "bridge",
  plain: 0.02,
  best: point(SET, 0.8, 0.7, 0.6),
  single: point([[5, 1]], 1.5, 0.1, 0.9),
  points: [
    point([[5, 1]], 2, 0.2, 0.5),
    point([[5, 1]], 1.5, 0.1, 0.9),
    point(SET, 1.2, 0.9, 0.1),
    point(SET, 0.8, 0.75, 0.75, 24),
    point(SET, 0.8, 0.7, 0.6, 48),
    point(SET, 0.4, 0.3, 1),
  ],
};

test("a dose's curve is drawn over multiples of the stored one, each once", () => {
  const curve = doseCurve(RECORD);
  expect(curve.samples.map(({ x, named, answers }) => [x, named, answers])).toEqual([[0.5, 0.3, 24], [1, 0.7, 48], [1.5, 0.9, 24]]);
  expect(curve.plain).toBe(0.02);
});

test("doses at other positions are of another curve", () => {
  const elsewhere = { ...point(SET, 1.6, 0.5, 0.5), positions: "prompt" as const };
  expect(doseCurve({ ...RECORD, points: [...RECORD.points, elsewhere] })).toEqual(doseCurve(RECORD));
  expect(doseCurve({ ...RECORD, best: elsewhere, points: [...RECORD.points, elsewhere] }).samples.map(({ x }) => x)).toEqual([1]);
});

test("a feature that was tried alone has its own curve, over multiples of its maximum", () => {
  expect(featureCurve([RECORD], 5)?.samples.map(({ x }) => x)).toEqual([1.5, 2]);
  expect(featureCurve([RECORD], 7)).toBeNull();
  expect(featureCurve([], 5)).toBeNull();
});

test("the feature that carries most leads", () => {
  expect([leadOf(RECORD), leadOf(null)]).toEqual([9, null]);
});

test("a curve is read at its samples and between them, and not beyond", () => {
  const curve = doseCurve(RECORD);
  expect(read(curve, 1)).toEqual({ named: 0.7, fluent: 0.6, answers: 48 });
  expect(read(curve, 1.25)!.named).toBeCloseTo(0.8);
  expect(read(curve, 1.25)!.answers).toBeNull();
  expect([read(curve, 0.2), read(curve, 1.8)]).toEqual([null, null]);
});

test("a reading tells how many answers it rests on, and where the plain model does as well", () => {
  const curve = doseCurve(RECORD);
  expect(groundsOf(curve, read(curve, 1))).toBe("Of 48 answers at this dose. The plain model names it in 0.02.");
  expect(groundsOf(curve, read(curve, 1.25))).toBe("Between doses that were tried. The plain model names it in 0.02.");
  expect(groundsOf(curve, read(curve, 9))).toBe("No answers were tried at this dose. The plain model names it in 0.02.");
  expect(groundsOf({ ...curve, plain: 0.7 }, read(curve, 1))).toMatch(/0\.70: as often, without any edit\.$/);
});
