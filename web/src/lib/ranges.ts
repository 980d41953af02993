// Filters as the address tells them: `density=0.0001..0.01`, either end open.

export interface Range {
  low: number | null;
  high: number | null;
}

export const OPEN: Range = { low: null, high: null };

export function parseRange(text: string | null): Range {
  const found = /^([^.]*(?:\.\d+)?(?:e-?\d+)?)\.\.(.*)$/.exec(text ?? "");
  return found ? { low: number(found[1]), high: number(found[2]) } : OPEN;
}

/** Null where it asks nothing, so that the key goes away. */
export function formatRange({ low, high }: Range): string | null {
  if (low === null && high === null) return null;
  return `${low === null ? "" : Number(low.toPrecision(3))}..${high === null ? "" : Number(high.toPrecision(3))}`;
}

export function within(value: number, { low, high }: Range): boolean {
  return (low === null || value >= low) && (high === null || value <= high);
}

function number(text: string | undefined): number | null {
  const value = Number.parseFloat(text ?? "");
  return Number.isFinite(value) ? value : null;
}
