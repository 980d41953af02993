// From values to places and steps of colour.

/** Step of the heat ramp, 0 (does not fire) to 10 (its maximum): linear, and never 0 for what fires. */
export function heat(activation: number, maximum: number): number {
  if (activation <= 0 || maximum <= 0) return 0;
  return Math.min(10, Math.max(1, Math.ceil((10 * activation) / maximum)));
}

export type Scale = (value: number) => number;

/** From [low, high] to [0, 1], held inside; an empty range is 0. */
export function linear(low: number, high: number): Scale {
  return (value) => (high > low ? clamp((value - low) / (high - low)) : 0);
}

/** The same on a logarithmic axis; `low` must be above 0, and what is below it stands at 0. */
export function logarithmic(low: number, high: number): Scale {
  const inner = linear(Math.log(low), Math.log(high));
  return (value) => (value <= low ? 0 : inner(Math.log(value)));
}

export function clamp(value: number, low = 0, high = 1): number {
  return Math.min(high, Math.max(low, value));
}

/** Round numbers inside [low, high] for a logarithmic axis: powers of ten, with 2 and 5 between where those are few. */
export function logTicks(low: number, high: number, most = 6): number[] {
  for (const steps of [[1, 2, 5], [1, 3], [1]]) {
    const ticks = powers(low, high).flatMap((power) => steps.map((step) => step * power));
    const inside = ticks.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
    if (inside.length <= most) return inside.map((tick) => Number(tick.toPrecision(6)));
  }
  const wide = powers(low, high).filter((power) => power >= low * 0.999 && power <= high * 1.001);
  const every = Math.ceil(wide.length / most);
  return wide.filter((_, place) => place % every === 0);
}

function powers(low: number, high: number): number[] {
  const first = Math.floor(Math.log10(low));
  const last = Math.ceil(Math.log10(high));
  return Array.from({ length: last - first + 1 }, (_, i) => 10 ** (first + i));
}

/** Ends [from, to) of the bins that hold all counts that are not 0; at least one bin. */
export function filled(counts: readonly number[]): [number, number] {
  const first = counts.findIndex((n) => n > 0);
  if (first < 0) return [0, Math.min(1, counts.length)];
  return [first, counts.findLastIndex((n) => n > 0) + 1];
}

/**
 * The value that a share of all counts lies below, inside bins whose edges are spaced evenly in `log`: exact to within
 * a bin. Null where there are no counts.
 */
export function quantile(edges: readonly number[], counts: readonly number[], at: number, log = true): number | null {
  const total = counts.reduce((sum, n) => sum + n, 0);
  if (total === 0) return null;
  let before = 0;
  for (const [bin, n] of counts.entries()) {
    if (n > 0 && before + n >= at * total) {
      const within = (at * total - before) / n;
      const [low, high] = [edges[bin]!, edges[bin + 1]!];
      return log && low > 0 ? low * (high / low) ** within : low + (high - low) * within;
    }
    before += n;
  }
  return edges.at(-1) ?? null;
}
