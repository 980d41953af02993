// Densities of two SAEs on one logarithmic axis, whatever bins each was counted in.

export interface Bins {
  /** Densities, ascending, one more than shares. */
  edges: number[];
  /** Share of all features in each bin. */
  shares: number[];
  /** Of the features that fire. */
  median: number | null;
  /** Share that never fires, which is in no bin. */
  dead: number | null;
}

/** Share of the features for each power of ten, which does not depend on how wide the bins are. */
export function perDecade({ edges, shares }: Bins): number[] {
  return shares.map((share, bin) => share / Math.log10(edges[bin + 1]! / edges[bin]!));
}

/** The bins between the first and the last that hold something. */
export function trimmed(bins: Bins): Bins {
  const first = bins.shares.findIndex((share) => share > 0);
  if (first < 0) return { ...bins, edges: [], shares: [] };
  const last = bins.shares.findLastIndex((share) => share > 0);
  return { ...bins, edges: bins.edges.slice(first, last + 2), shares: bins.shares.slice(first, last + 1) };
}

/** Outline of a histogram as a path; `X` and `Y` give pixels, `Y(0)` is its foot. */
export function outline(bins: Bins, X: (density: number) => number, Y: (perDecade: number) => number): string {
  const tall = perDecade(bins);
  if (!tall.length) return "";
  const px = (value: number) => value.toFixed(1);
  const steps = tall.map((one, bin) => `V${px(Y(one))}H${px(X(bins.edges[bin + 1]!))}`);
  return `M${px(X(bins.edges[0]!))} ${px(Y(0))}${steps.join("")}V${px(Y(0))}`;
}

/** Share of all features that fire more often than `density`: a bin that it cuts counts in part, evenly in log. */
export function above({ edges, shares }: Bins, density: number): number {
  return shares.reduce((sum, share, bin) => {
    const [low, high] = [edges[bin]!, edges[bin + 1]!];
    if (low >= density) return sum + share;
    return high <= density ? sum : sum + share * (Math.log(high / density) / Math.log(high / low));
  }, 0);
}
