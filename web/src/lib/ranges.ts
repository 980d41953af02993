// Filters as the address tells them: `density=0.0001..0.01`, either end open; `dead=false`, `tag=bridge`,
// `top_token=1234` and `interval=9`, as the API names them.
import type { Find } from "../api/records";

export type Where = NonNullable<Find["where"]>;

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

/** What is filtered by between two ends, by its key in the address. */
export const FILTERED = ["density", "maximum", "mean"] as const;
/** Equal parts of (0, maximum] that `interval` tells apart. */
export const INTERVALS = 10;

/** Every key of a filter, without a value: an address with these has none. */
export const CLEARED = Object.fromEntries([...FILTERED, "dead", "tag", "top_token", "interval"].map((key) => [key, null]));

/** The filters of an address as a search takes them; null where there are none. What is no value of a filter is none. */
export function whereOf(query: URLSearchParams): Where | null {
  const where: Where = {};
  for (const key of FILTERED) {
    const range = parseRange(query.get(key));
    if (formatRange(range) !== null) where[key] = range;
  }
  const dead = query.get("dead");
  if (dead === "true" || dead === "false") where.dead = dead === "true";
  const tag = query.get("tag");
  if (tag) where.tag = tag;
  const token = whole(query.get("top_token"));
  if (token !== null) where.top_token = token;
  const interval = whole(query.get("interval"));
  if (interval !== null && interval < INTERVALS) where.interval = interval;
  return Object.keys(where).length ? where : null;
}

/** Whether a search alone takes such filters: a list takes ranges and `dead`, and means something else by `tag`. */
export function needsSearch(where: Where | null): where is Where {
  return [where?.tag, where?.top_token, where?.interval].some((one) => one !== undefined);
}

function whole(text: string | null): number | null {
  return /^\d{1,9}$/.test(text ?? "") ? Number(text) : null;
}

function number(text: string | undefined): number | null {
  const value = Number.parseFloat(text ?? "");
  return Number.isFinite(value) ? value : null;
}
