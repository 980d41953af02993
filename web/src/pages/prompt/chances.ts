// Probabilities of the next token, plain and edited: what to show of them and what to say.
import type { NextRecord } from "../../api/records";

export interface Told {
  token: number;
  text: string;
  plain: number;
  /** Null where nothing is edited, here and below. */
  edited: number | null;
}

export interface Chances {
  /** The likeliest tokens of either model, the likeliest of the plain one first. */
  rows: Told[];
  /** All further tokens together. */
  others: { plain: number; edited: number | null };
  /** Probability that certainly went elsewhere: the distance of the two distributions is at least this. */
  moved: number | null;
}

export function chancesOf({ chances }: NextRecord, most: number): Chances {
  const best = [...chances].sort((a, b) => Math.max(b.plain, b.edited ?? 0) - Math.max(a.plain, a.edited ?? 0)).slice(0, most);
  const rows = [...best].sort((a, b) => b.plain - a.plain);
  const rest = (shown: readonly Told[], of: (one: Told) => number) => Math.max(0, 1 - shown.reduce((sum, one) => sum + of(one), 0));
  const edited = chances[0]?.edited === null || chances.length === 0 ? null : (one: Told) => one.edited!;
  const plain = (one: Told) => one.plain;
  const others = { plain: rest(rows, plain), edited: edited && rest(rows, edited) };
  if (!edited) return { rows, others, moved: null };
  const told = chances.reduce((sum, one) => sum + Math.abs(one.edited! - one.plain), 0);
  return { rows, others, moved: (told + Math.abs(rest(chances, edited) - rest(chances, plain))) / 2 };
}

/** The token whose probability changes most, and what it does; null where nothing is edited or nothing changes. */
export function mostMoved(rows: readonly Told[]): Told | null {
  const found = rows.reduce<Told | null>((best, one) => (one.edited !== null && change(one) > (best ? change(best) : 0) ? one : best), null);
  return found;
}

function change({ plain, edited }: Told): number {
  return Math.abs((edited ?? plain) - plain);
}

/** Three decimals, so that columns line up. */
export function chance(value: number): string {
  return value > 0 && value < 0.0005 ? "<.001" : value >= 0.9995 ? "1" : value.toFixed(3).replace(/^0/, "");
}
