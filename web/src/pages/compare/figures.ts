// Two SAEs by the same figures: which is better, and whether that can be said.
import type { SAERecord } from "../../api/records";
import { measured, recovered, standing, varianceExplained, type Against, type Standing } from "../../lib/figures";
import { figure, percent, share } from "../../lib/format";

export interface Side {
  value: number;
  low: number | null;
  high: number | null;
  baselines: Against[];
  best: Against | null;
  loses: boolean;
  /** Measured on batches of its training, not on text it never saw. */
  training: boolean;
}

export interface Row {
  id: string;
  name: string;
  says: string;
  better: "more" | "less" | null;
  show: (value: number) => string;
  sides: [Side | null, Side | null];
}

interface Metric extends Omit<Row, "sides"> {
  of: (record: SAERecord) => Standing;
  /** Its name among the figures of training. */
  training: string | null;
}

const METRICS: readonly Metric[] = [
  { id: "l0", name: "L0", says: "features that fire at a position", better: null, show: (value) => figure(value), of: (record) => standing(record, "l0"), training: "l0" },
  { id: "variance", name: "Variance explained", says: "1 − FVU", better: "more", show: share, of: varianceExplained, training: "variance_explained" },
  { id: "recovered", name: "CE recovered", says: "of the loss that ablation adds, how much it gives back", better: "more", show: share, of: recovered, training: null },
  { id: "added", name: "CE added", says: "nats a token", better: "less", show: (value) => figure(value), of: (record) => standing(record, "ce_added", "less"), training: null },
  { id: "kl", name: "KL from the plain model", says: "nats a token", better: "less", show: (value) => figure(value), of: (record) => standing(record, "kl", "less"), training: null },
  { id: "shrinkage", name: "Shrinkage", says: "length of what it gives back, of what it read; 1 is none", better: null, show: share, of: (record) => standing(record, "shrinkage"), training: null },
  { id: "dead", name: "Dead features", says: "share", better: "less", show: (value) => percent(value), of: (record) => standing(record, "dead_share", "less"), training: "dead_share" },
];

/** The figures that at least one of the two has. */
export function rowsOf(a: SAERecord, b: SAERecord): Row[] {
  return METRICS.map(({ of, training, ...metric }): Row => {
    const side = (record: SAERecord): Side | null => {
      const found = of(record);
      if (found.value !== null) {
        // Where neither more nor less is better a baseline wins nothing.
        const none = metric.better === null ? { baselines: [], best: null, loses: false } : {};
        return { ...found, ...none, value: found.value, training: false };
      }
      const value = training === null ? null : measured(record, training);
      return value === null ? null : { value, low: null, high: null, baselines: [], best: null, loses: false, training: true };
    };
    return { ...metric, sides: [side(a), side(b)] };
  }).filter(({ sides }) => sides.some((one) => one !== null));
}

/** Ends of the line on which both sides, their intervals and best baselines stand. */
export function domainOf({ sides }: Row): [number, number] {
  const all = sides.flatMap((side) => (side ? [side.value, side.low ?? side.value, side.high ?? side.value, ...(side.best ? [side.best.value] : [])] : []));
  const [low, high] = [Math.min(0, ...all), Math.max(...all)];
  if (low === 0 && high <= 1 && high > 0.3) return [0, 1];
  return high > low ? [low < 0 ? low - 0.08 * (high - low) : 0, high + 0.08 * (high - low)] : [0, 1];
}

/** Which side is better beyond the intervals of both; "open" where they overlap or there are none; null where that is no question. */
export function verdict({ better, sides: [a, b] }: Row): 0 | 1 | "open" | null {
  if (better === null || !a || !b) return null;
  if (a.low === null || a.high === null || b.low === null || b.high === null) return "open";
  const first = better === "more" ? a.low > b.high : a.high < b.low;
  const second = better === "more" ? b.low > a.high : b.high < a.low;
  return first ? 0 : second ? 1 : "open";
}

export interface Differing {
  name: string;
  values: [string, string];
}

/** Settings that are not the same in both. */
export function differing(a: SAERecord, b: SAERecord): Differing[] {
  const told = (value: string | number | boolean | null | undefined) => (value === null || value === undefined ? "–" : typeof value === "number" ? figure(value) : String(value));
  const of = (record: SAERecord) => new Map(record.settings.map(({ name, value }) => [name, told(value)]));
  const [first, second] = [of(a), of(b)];
  return [...new Set([...first.keys(), ...second.keys()])]
    .map((name): Differing => ({ name, values: [first.get(name) ?? "–", second.get(name) ?? "–"] }))
    .filter(({ values: [one, other] }) => one !== other);
}

/** What makes the figures of two SAEs hard to compare, in sentences. */
export function cautions(a: SAERecord, b: SAERecord): string[] {
  const found: string[] = [];
  if (a.hook !== b.hook) found.push(`They read at different places, ${a.hook} and ${b.hook}, so that their figures are of different activations.`);
  const [l0, other] = rowsOf(a, b).find(({ id }) => id === "l0")?.sides ?? [null, null];
  if (l0 && other && Math.min(l0.value, other.value) > 0) {
    const ratio = l0.value / other.value;
    if (ratio > 1.1) found.push(`${a.name} fires ${figure(ratio, 2)} times as many features at a position, and should give back more.`);
    if (ratio < 1 / 1.1) found.push(`${b.name} fires ${figure(1 / ratio, 2)} times as many features at a position, and should give back more.`);
  }
  if ((a.evaluation === null) !== (b.evaluation === null)) {
    const [yes, no] = a.evaluation ? [a, b] : [b, a];
    found.push(`Figures of ${yes.name} are of text that it never saw, those of ${no.name} of its training.`);
  } else if (a.evaluation === null) found.push("Both were measured while training only: without intervals and baselines nothing here says that one is better.");
  return found;
}
