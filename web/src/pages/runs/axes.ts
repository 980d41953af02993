// Axes of charts: round ticks, ends, and labels that stand apart.

import { logTicks } from "../../lib/scales";

export interface Axis {
  low: number;
  high: number;
  log: boolean;
  /** All of them lie on the axis. */
  ticks: number[];
}

/** A range that is wider than this many times its least value is told on a logarithmic axis. */
const WIDE = 20;
/** An axis reaches over at least this share of its largest value, so that ticks differ as they are told. */
const LEAST = 0.02;

/** The axis on which values stand; logarithmic where they are all above 0 and reach over more than a factor of 20. */
export function axisOf(values: readonly number[]): Axis {
  const low = Math.min(...values);
  const high = Math.max(...values);
  if (low > 0 && high / low > WIDE) return { low, high, log: true, ticks: logTicks(low, high, 5) };
  const more = high > low ? Math.max(0, LEAST * Math.max(-low, high) - (high - low)) / 2 : 0;
  const ticks = roundTicks(low - more, high + more);
  return { low: Math.min(low, ticks[0]!), high: Math.max(high, ticks.at(-1)!), log: false, ticks };
}

/** Where on an axis a value stands, 0 to 1. */
export function at({ low, high, log }: Omit<Axis, "ticks">, value: number): number {
  if (high <= low) return 0.5;
  return log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
}

/** Round numbers from at or below `low` to at or above `high`, about `most` of them. */
export function roundTicks(low: number, high: number, most = 5): number[] {
  if (high <= low) return [low];
  const rough = (high - low) / Math.max(1, most - 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((one) => one * power).find((one) => one >= rough * 0.999)!;
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** A number as a tick has it: without zeros that say nothing, `1.50 M` as `1.5 M`. */
export function bare(text: string): string {
  return text.replace(/(\.\d*?)0+(?=$|\D)/, "$1").replace(/\.(?=$|\D)/, "");
}

/** Places of labels that would stand at `wanted`, moved no more than needed to be `gap` apart inside [low, high]. */
export function spread(wanted: readonly number[], gap: number, low: number, high: number): number[] {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a]! - wanted[b]!);
  // Labels that touch form a block, which stands where its members are moved least.
  const blocks: { members: number[]; start: number }[] = [];
  const startOf = (members: readonly number[]) => {
    const start = members.reduce((sum, one, i) => sum + wanted[one]! - i * gap, 0) / members.length;
    return Math.min(Math.max(low, start), Math.max(low, high - (members.length - 1) * gap));
  };
  for (const one of order) {
    let block = { members: [one], start: startOf([one]) };
    for (let before = blocks.at(-1); before && before.start + before.members.length * gap > block.start; before = blocks.at(-1)) {
      blocks.pop();
      const members = [...before.members, ...block.members];
      block = { members, start: startOf(members) };
    }
    blocks.push(block);
  }
  const found = new Array<number>(wanted.length);
  for (const { members, start } of blocks) members.forEach((one, i) => (found[one] = start + i * gap));
  return found;
}
