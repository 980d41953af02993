// Stored doses as curves: what share of answers named the concept, and what share stayed fluent, at each dose.
import type { DosePoint, DoseRecord } from "../../api/records";
import { plural, share } from "../../lib/format";

export interface Sample {
  /** On the axis of the slider. */
  x: number;
  named: number;
  fluent: number;
  /** Answers behind these shares. */
  answers: number;
}

export interface Curve {
  concept: string;
  /** In order of x, one for each. */
  samples: Sample[];
  /** Share of plain answers that name it. */
  plain: number;
}

/** What two doses have in common that differ by their multiple only. */
const way = (point: DosePoint) => [point.positions, ...point.features.map(({ number }) => number)].join(" ");

/** How a concept's stored dose does at multiples of it. */
export function doseCurve(record: DoseRecord): Curve {
  const own = record.points.filter((point) => way(point) === way(record.best));
  return curve(record, own, (point) => point.multiple / record.best.multiple);
}

/** How a single feature that is clamped everywhere does at multiples of its maximum; null where nobody has tried. */
export function featureCurve(records: readonly DoseRecord[], number: number): Curve | null {
  for (const record of records) {
    const own = record.points.filter(
      ({ features, positions }) => features.length === 1 && features[0]!.number === number && features[0]!.operation === "clamp" && positions === "all",
    );
    if (own.length) return curve(record, own, (point) => point.multiple * point.features[0]!.weight);
  }
  return null;
}

/** The feature that carries most of a dose; null where there is none. */
export function leadOf(record: DoseRecord | null): number | null {
  const heaviest = (record?.best.features ?? []).reduce<DosePoint["features"][number] | null>((top, one) => (top && top.weight >= one.weight ? top : one), null);
  return heaviest?.number ?? null;
}

function curve(record: DoseRecord, points: readonly DosePoint[], at: (point: DosePoint) => number): Curve {
  // A dose that was looked at again was sampled twice: the look with more answers counts.
  const found = new Map<number, Sample>();
  for (const point of points) {
    const x = Number(at(point).toFixed(4));
    const known = found.get(x);
    if (!known || known.answers <= point.answers) found.set(x, { x, named: point.named, fluent: point.fluent, answers: point.answers });
  }
  return { concept: record.concept, samples: [...found.values()].sort((a, b) => a.x - b.x), plain: record.plain };
}

export interface Reading {
  named: number;
  fluent: number;
  /** Answers behind it where this very dose was sampled; null between samples. */
  answers: number | null;
}

/** What a curve says at a place: a sample, or the line between two; null outside of all. */
export function read({ samples }: Curve, x: number): Reading | null {
  const same = samples.find((one) => Math.abs(one.x - x) < 0.005);
  if (same) return { named: same.named, fluent: same.fluent, answers: same.answers };
  const after = samples.findIndex((one) => one.x > x);
  if (after <= 0) return null;
  const [a, b] = [samples[after - 1]!, samples[after]!];
  const part = (x - a.x) / (b.x - a.x);
  return { named: a.named + part * (b.named - a.named), fluent: a.fluent + part * (b.fluent - a.fluent), answers: null };
}

/** What a reading rests on, and what the plain model does without any edit. */
export function groundsOf({ plain }: Curve, reading: Reading | null): string {
  const answers = reading === null ? "No answers were tried at this dose." : reading.answers ? `Of ${plural(reading.answers, "answer")} at this dose.` : "Between doses that were tried.";
  return `${answers} The plain model names it in ${share(plain)}${reading && plain >= reading.named ? ": as often, without any edit" : ""}.`;
}
