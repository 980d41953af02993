// The track of a slider: what stands where on it.
import { linear } from "../../lib/scales";
import type { Sample } from "./doses";

/** Half of the slider's handle: places keep so far from both ends, as the handle does. */
export const INSET = 9;

/** From a value to a place in px on a track of a width. */
export function placeOn(low: number, high: number, width: number): (value: number) => number {
  const part = linear(low, high);
  return (value) => INSET + part(value) * Math.max(0, width - 2 * INSET);
}

/** Whole numbers for labels below a track, at most `most`, 0 among them where it is inside. */
export function ticksOf(low: number, high: number, most = 8): number[] {
  const step = [1, 2, 5, 10, 20, 50, 100].find((one) => Math.floor(high / one) - Math.ceil(low / one) < most) ?? 200;
  const first = Math.ceil(low / step);
  const last = Math.floor(high / step);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => (first + i) * step);
}

/** A line through samples, of one of their shares. */
export function lineOf(samples: readonly Sample[], share: (sample: Sample) => number, x: (value: number) => number, height: number): string {
  return samples.map((one, i) => `${i ? "L" : "M"}${round(x(one.x))} ${round(height - share(one) * (height - 4))}`).join("");
}

export interface Bar {
  x: number;
  width: number;
  height: number;
  /** Share of the maximum in its middle. */
  share: number;
}

/** What a feature does by itself, from 0 to its maximum, which stands at 1 on the track; heights by logarithm. */
export function barsOf(
  histogram: { edges: readonly number[]; counts: readonly number[] },
  maximum: number,
  x: (value: number) => number,
  height: number,
): Bar[] {
  const most = Math.log1p(Math.max(0, ...histogram.counts));
  return histogram.counts.flatMap((n, bin) => {
    const [from, to] = [histogram.edges[bin]! / maximum, Math.min(1, histogram.edges[bin + 1]! / maximum)];
    if (n === 0 || to <= from) return [];
    const [left, right] = [x(from), x(to)];
    return [{ x: left, width: Math.max(0.75, right - left - 0.5), height: Math.max(1.5, (Math.log1p(n) / most) * height), share: (from + to) / 2 }];
  });
}

const round = (value: number) => Math.round(10 * value) / 10;
