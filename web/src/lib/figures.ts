// Figures of an SAE beside what something simpler reaches.
import type { SAERecord } from "../api/records";

export interface Against {
  name: string;
  what: string;
  value: number;
}

export interface Standing {
  value: number | null;
  low: number | null;
  high: number | null;
  baselines: Against[];
  /** The baseline that comes nearest or goes beyond; null where there is none. */
  best: Against | null;
  /** Whether that baseline is better. */
  loses: boolean;
}

const EMPTY: Standing = { value: null, low: null, high: null, baselines: [], best: null, loses: false };

/** A figure of the evaluation by its key; where it was not evaluated, nothing. */
export function standing(record: SAERecord, key: string, better: "more" | "less" = "more"): Standing {
  const found = record.evaluation?.figures.find((figure) => figure.key === key);
  if (!found) return EMPTY;
  const baselines = found.baselines
    .filter(({ figure }) => figure.value !== null)
    .map(({ name, what, figure }) => ({ name, what, value: figure.value! }));
  return ranked({ ...found.figure, baselines }, better);
}

/** Variance explained and that of the baselines, of which the evaluation tells the variance unexplained. */
export function varianceExplained(record: SAERecord): Standing {
  const { low, high, value, baselines } = standing(record, "fvu", "less");
  const turn = (x: number | null) => (x === null ? null : 1 - x);
  const turned = baselines.map((one) => ({ ...one, value: 1 - one.value }));
  return ranked({ value: turn(value), low: turn(high), high: turn(low), baselines: turned }, "more");
}

/** CE recovered against mean ablation, else against zero where the first is not defined. */
export function recovered(record: SAERecord): Standing {
  const mean = standing(record, "ce_recovered_mean");
  return mean.value === null ? standing(record, "ce_recovered_zero") : mean;
}

/** A figure of the training, for what was not evaluated. */
export function measured(record: SAERecord, name: string): number | null {
  const value = record.measured.find((one) => one.name === name)?.value;
  return typeof value === "number" ? value : null;
}

function ranked(figure: Omit<Standing, "best" | "loses">, better: "more" | "less"): Standing {
  const sign = better === "more" ? 1 : -1;
  const best = figure.baselines.reduce<Against | null>((top, one) => (top && sign * top.value >= sign * one.value ? top : one), null);
  const loses = best !== null && figure.value !== null && sign * best.value > sign * figure.value;
  return { ...figure, best, loses };
}
