import { describe, expect, test } from "vitest";
import type { NamedFigure, SAERecord } from "../api/records";
import { measured, recovered, standing, varianceExplained } from "./figures";

const interval = (value: number | null) => ({ value, low: value, high: value });
const figure = (key: string, value: number | null, ...baselines: [string, number | null][]): NamedFigure => ({
  key, name: key, figure: interval(value), baselines: baselines.map(([name, own]) => ({ name, what: name, figure: interval(own) })),
});
const record = (...figures: NamedFigure[]) =>
  ({ measured: [{ name: "l0", value: 32 }], evaluation: { figures } }) as unknown as SAERecord;

describe("a figure", () => {
  test("stands beside the baseline that comes nearest", () => {
    const found = standing(record(figure("x", 0.8, ["PCA", 0.5], ["neurons", 0.7], ["unknown", null])), "x");
    expect([found.best?.name, found.loses]).toEqual(["neurons", false]);
  });

  test("loses to a baseline beyond it, whichever way is better", () => {
    expect(standing(record(figure("x", 0.8, ["PCA", 0.9])), "x").loses).toBe(true);
    expect(standing(record(figure("x", 0.8, ["PCA", 0.9])), "x", "less").loses).toBe(false);
    expect(standing(record(figure("x", 0.8, ["PCA", 0.7])), "x", "less").loses).toBe(true);
  });

  test("that was not measured has nothing beside it", () => {
    expect(standing(record(), "x")).toMatchObject({ value: null, best: null, loses: false });
    expect(standing({ evaluation: null } as SAERecord, "x").value).toBeNull();
  });
});

test("variance explained is one less the unexplained, for baselines too", () => {
  const found = varianceExplained(record(figure("fvu", 0.25, ["PCA", 0.5])));
  expect([found.value, found.best?.value, found.loses]).toEqual([0.75, 0.5, false]);
});

test("CE recovered is against mean ablation where that is defined", () => {
  expect(recovered(record(figure("ce_recovered_mean", 0.9), figure("ce_recovered_zero", 0.8))).value).toBe(0.9);
  expect(recovered(record(figure("ce_recovered_mean", null), figure("ce_recovered_zero", 0.8))).value).toBe(0.8);
});

test("figures of the training are found by name", () => {
  expect([measured(record(), "l0"), measured(record(), "dead")]).toEqual([32, null]);
});
