// A map as columns: every feature of its SAEs is a place in typed arrays, never an object.
import type { components } from "../../api/types";

type Schemas = components["schemas"];
export type MapRecord = Schemas["MapRecord"];
export type Cluster = Schemas["Cluster"];
export type AcrossRecord = Schemas["AcrossRecord"];

/** Stands in `cluster` for features that are in none. */
export const NO_CLUSTER = -1;

export interface Points {
  name: string;
  version: string;
  saes: MapRecord["saes"];
  figures: MapRecord["figures"];
  size: number;
  /** NaN, like y, for a feature without a direction. */
  x: Float32Array;
  y: Float32Array;
  cluster: Int32Array;
  /** NaN where its SAE has no finished index. */
  density: Float32Array;
  /** Least and largest x, then y. */
  bounds: Bounds;
}

export interface Bounds {
  left: number;
  right: number;
  low: number;
  high: number;
}

/** A feature of one of the SAEs of a map. */
export interface Feature {
  sae: string;
  number: number;
}

export function pointsOf(record: MapRecord): Points {
  const x = floats(record.x);
  const y = floats(record.y);
  const cluster = Int32Array.from(record.cluster, (one) => one ?? NO_CLUSTER);
  const { name, version, saes, figures } = record;
  return { name, version, saes, figures, size: x.length, x, y, cluster, density: floats(record.density), bounds: boundsOf(x, y) };
}

/** Which feature a point is. */
export function featureAt(points: Points, point: number): Feature {
  const owner = points.saes.findLast(({ start }) => start <= point)!;
  return { sae: owner.name, number: point - owner.start };
}

/** The point of a feature; null where the map has no such feature. */
export function pointOf(points: Points, { sae, number }: Feature): number | null {
  const owner = points.saes.find(({ name }) => name === sae);
  return owner && number >= 0 && number < owner.features ? owner.start + number : null;
}

/** `123` for a feature of the SAE of the address, `name.123` for one of another. */
export function parseFeature(text: string | null, sae: string): Feature | null {
  const found = /^(?:(.+)\.)?(\d+)$/.exec(text ?? "");
  return found ? { sae: found[1] ?? sae, number: Number(found[2]) } : null;
}

export function formatFeature(feature: Feature, sae: string): string {
  return feature.sae === sae ? String(feature.number) : `${feature.sae}.${feature.number}`;
}

function floats(column: readonly (number | null)[]): Float32Array {
  return Float32Array.from(column, (one) => one ?? NaN);
}

function boundsOf(x: Float32Array, y: Float32Array): Bounds {
  const bounds = { left: Infinity, right: -Infinity, low: Infinity, high: -Infinity };
  for (let i = 0; i < x.length; i++) {
    const [px, py] = [x[i]!, y[i]!];
    if (px < bounds.left) bounds.left = px;
    if (px > bounds.right) bounds.right = px;
    if (py < bounds.low) bounds.low = py;
    if (py > bounds.high) bounds.high = py;
  }
  return bounds.left <= bounds.right ? bounds : { left: 0, right: 1, low: 0, high: 1 };
}
