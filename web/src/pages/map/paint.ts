// What each point looks like: a byte with its colour, and whether it is drawn over the others or fainter than they are.
import { logarithmic, type Scale } from "../../lib/scales";
import { INK, KIND, kindOfSae, PLAIN, RAMP, STEPS } from "./colours";
import { NO_CLUSTER, type Points } from "./points";

/** Set in the byte of a point that is drawn larger and over the rest. */
export const RAISED = 32;
/** Set in the byte of a point that steps back behind what is chosen. */
export const FAINT = 64;
/** What a place in the table of colours is stored in. */
export const COLOUR = 31;

const KINDS = RAMP - KIND;

export type Paint = Uint8Array;

/** Grey by how often a feature fires: dark for often. */
export function byDensity(points: Points, scale: Scale | null): Paint {
  const paint = new Uint8Array(points.size);
  if (scale) for (let i = 0; i < paint.length; i++) paint[i] = step(points.density[i]!, scale);
  return paint;
}

/** From the 1st to the 99th of 100 densities above 0, on a logarithmic axis; null where nothing fires. */
export function densityRange(points: Points): [number, number] | null {
  const fires = points.density.filter((one) => one > 0).sort();
  const at = (share: number) => fires[Math.min(fires.length - 1, Math.floor(share * fires.length))]!;
  return fires.length ? [at(0.01), at(0.99)] : null;
}

/** Its cluster's colour, four in turn; plain where it is in none. */
export function byCluster(points: Points): Paint {
  return Uint8Array.from(points.cluster, (one) => (one === NO_CLUSTER ? PLAIN : (KIND + (one % KINDS)) | RAISED));
}

/** Its SAE's colour; smaller SAEs over larger ones, which have more points. */
export function bySae(points: Points): Paint {
  const paint = new Uint8Array(points.size);
  const names = points.saes.map(({ name }) => name);
  for (const { name, start, features } of points.saes) {
    const kind = kindOfSae(names, name);
    paint.fill((KIND + (kind % KINDS)) | (kind > 0 ? RAISED : 0), start, start + features);
  }
  return paint;
}

/** Kinds that count in `kinds`: a colour for each, plain for those without one. */
export function byKind(points: Points, kindOf: Int8Array): Paint {
  const paint = new Uint8Array(points.size);
  for (let i = 0; i < paint.length; i++) paint[i] = kindOf[i]! < 0 ? PLAIN : KIND + kindOf[i]!;
  return paint;
}

/** Some points over the others, in the first colour. */
export function byMatch(points: Points, matched: readonly number[]): Paint {
  const paint = new Uint8Array(points.size);
  for (const point of matched) paint[point] = KIND | RAISED;
  return paint;
}

/** Those whose cosine with a chosen feature is known, dark for alike; the others are plain: all of them are less alike. */
export function byCosine(points: Points, alike: ReadonlyMap<number, number>, scale: Scale): Paint {
  const paint = new Uint8Array(points.size);
  for (const [point, cosine] of alike) paint[point] = step(cosine, scale) | RAISED;
  return paint;
}

/** The cosine of every feature of an SAE with a chosen one, dark for alike; those of `near` over the others. */
export function byCosines(points: Points, start: number, cosines: readonly (number | null)[], near: ReadonlyMap<number, number>, scale: Scale): Paint {
  const paint = new Uint8Array(points.size);
  for (const [number, cosine] of cosines.entries()) if (cosine !== null) paint[start + number] = step(cosine, scale);
  for (const point of near.keys()) paint[point]! |= RAISED;
  return paint;
}

/** The same with all but some points faint; those over the others, in ink where they had no colour. */
export function only(paint: Paint, chosen: Uint32Array): Paint {
  const faint = paint.map((one) => (one & COLOUR) | FAINT);
  for (const point of chosen) {
    const colour = paint[point]! & COLOUR;
    faint[point] = (colour === PLAIN ? INK : colour) | RAISED;
  }
  return faint;
}

/** Logarithmic over a range that densities have. */
export function densityScale(range: [number, number] | null): Scale | null {
  return range ? logarithmic(range[0], Math.max(range[1], range[0] * 1.01)) : null;
}

function step(value: number, scale: Scale): number {
  return Number.isNaN(value) ? PLAIN : RAMP + Math.round(scale(value) * (STEPS - 1));
}
