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

/** What is filtered by, by its key in the address. */
export const FILTERED = ["density", "maximum", "mean"] as const;

/** The filters of an address as a search takes them; null where there are none. */
export function whereOf(query: URLSearchParams): Partial<Record<(typeof FILTERED)[number], Range>> | null {
  const given = FILTERED.map((key) => [key, parseRange(query.get(key))] as const).filter(([, range]) => formatRange(range) !== null);
  return given.length ? Object.fromEntries(given) : null;
}

function number(text: string | undefined): number | null {
  const value = Number.parseFloat(text ?? "");
  return Number.isFinite(value) ? value : null;
}
