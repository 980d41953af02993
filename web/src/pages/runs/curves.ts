// What the curves of training show: one row of the table is one chart.
import type { CurvePoint, Run } from "../../api/records";
import { figure, percent } from "../../lib/format";

export interface Metric {
  id: string;
  name: string;
  /** What it is and in which unit, after the name. */
  says: string;
  value: (point: CurvePoint) => number | null;
  show: (value: number) => string;
}

export const METRICS: readonly Metric[] = [
  { id: "variance", name: "Variance explained", says: "share, of the step’s batch; 1 − FVU", value: (point) => point.variance_explained, show: (value) => value.toFixed(3) },
  { id: "loss", name: "Loss", says: "squared error a position and the kind’s penalty, scaled units", value: (point) => point.loss, show: (value) => figure(value) },
  { id: "mse", name: "Squared error", says: "a position, scaled units", value: (point) => point.mse, show: (value) => figure(value) },
  { id: "l0", name: "L0", says: "features that fire at a position", value: (point) => point.l0, show: (value) => figure(value) },
  { id: "dead", name: "Dead features", says: "share that fired nowhere lately", value: (point) => point.dead_share, show: (value) => percent(value) },
  { id: "gradient", name: "Gradient norm", says: "before clipping", value: (point) => point.grad_norm, show: (value) => figure(value) },
  { id: "rate", name: "Learning rate", says: "", value: (point) => point.lr, show: (value) => (value >= 0.001 ? figure(value, 2) : value.toExponential(1).replace("-", "−")) },
];

export interface Point {
  /** Positions seen. */
  x: number;
  y: number;
}

export interface Series {
  sae: string;
  points: Point[];
}

/** The runs' curves of one metric; steps at which it is not finite are left out, and so is a run without any other. */
export function seriesOf(runs: readonly Run[], metric: Metric): Series[] {
  const all = runs.map(({ sae, curve }) => ({
    sae,
    points: curve.flatMap((point): Point[] => {
      const y = metric.value(point);
      return y === null ? [] : [{ x: point.positions, y }];
    }),
  }));
  return all.filter(({ points }) => points.length > 0);
}

/** The one value that a metric has at every step of every run; null where there are several. */
export function constant(series: readonly Series[]): number | null {
  const first = series[0]?.points[0]?.y;
  if (first === undefined) return null;
  return series.every(({ points }) => points.every(({ y }) => y === first)) ? first : null;
}

/** Whether two metrics are the same curves, as the loss of a kind without a penalty is its squared error. */
export function same(a: readonly Series[], b: readonly Series[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ points }, i) => points.length === b[i]!.points.length && points.every(({ x, y }, j) => b[i]!.points[j]!.x === x && b[i]!.points[j]!.y === y))
  );
}

/** The point nearest to `x`; null where there is none, or where the run has not come there. */
export function nearest(points: readonly Point[], x: number): Point | null {
  const last = points.at(-1);
  if (!last) return null;
  const best = points.reduce((best, one) => (Math.abs(one.x - x) < Math.abs(best.x - x) ? one : best), last);
  // Half a step beyond its end a run is over.
  const step = points.length > 1 ? (last.x - points[0]!.x) / (points.length - 1) : Infinity;
  return x > last.x + step / 2 ? null : best;
}

/** All places at which some run has a point, ascending, each once. */
export function stops(series: readonly Series[]): number[] {
  return [...new Set(series.flatMap(({ points }) => points.map(({ x }) => x)))].sort((a, b) => a - b);
}

/** The stop to step to from a place; from nowhere the last or the first. */
export function stepped(all: readonly number[], from: number | null, by: 1 | -1): number | null {
  if (!all.length) return null;
  if (from === null) return by > 0 ? all[0]! : all.at(-1)!;
  const further = by > 0 ? all.find((one) => one > from) : all.findLast((one) => one < from);
  return further ?? from;
}

/** How far a run is, 0 to 1; null where that is not known. */
export function progress({ positions, expected }: Run): number | null {
  return expected ? Math.min(1, positions / expected) : null;
}
