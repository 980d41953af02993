// Which part of a map is seen: from places on the map to pixels and back.
import { clamp } from "../../lib/scales";
import type { Bounds } from "./points";

export interface View {
  /** What stands in the middle. */
  x: number;
  y: number;
  /** Pixels of a unit of the map. */
  scale: number;
}

export interface Size {
  width: number;
  height: number;
}

const EDGE = 24;
export const DEEPEST = 400;

/** All of it, in the middle. */
export function fitted(bounds: Bounds, { width, height }: Size): View {
  const scale = Math.min((width - 2 * EDGE) / (bounds.right - bounds.left || 1), (height - 2 * EDGE) / (bounds.high - bounds.low || 1));
  return { x: (bounds.left + bounds.right) / 2, y: (bounds.low + bounds.high) / 2, scale: Math.max(scale, 1e-6) };
}

export function toScreen(view: View, size: Size, x: number, y: number): [number, number] {
  return [(x - view.x) * view.scale + size.width / 2, (view.y - y) * view.scale + size.height / 2];
}

export function toMap(view: View, size: Size, left: number, top: number): [number, number] {
  return [view.x + (left - size.width / 2) / view.scale, view.y - (top - size.height / 2) / view.scale];
}

/** Nearer or farther by a factor, while the place under a pixel stays there; between all of it and `DEEPEST` times that. */
export function zoomed(view: View, size: Size, whole: View, factor: number, left = size.width / 2, top = size.height / 2): View {
  const [x, y] = toMap(view, size, left, top);
  const scale = clamp(view.scale * factor, whole.scale, whole.scale * DEEPEST);
  return { x: x - (left - size.width / 2) / scale, y: y + (top - size.height / 2) / scale, scale };
}

export function panned(view: View, left: number, top: number): View {
  return { ...view, x: view.x - left / view.scale, y: view.y + top / view.scale };
}

/** Held so that the middle is never off the map. */
export function held(view: View, bounds: Bounds): View {
  return { ...view, x: clamp(view.x, bounds.left, bounds.right), y: clamp(view.y, bounds.low, bounds.high) };
}

/** On the way from one view to another: 0 is the first, 1 the second. The scale grows by equal factors, so no part races. */
export function between(from: View, to: View, part: number): View {
  const scale = from.scale * (to.scale / from.scale) ** part;
  // As far as the scale has come, so that the place that both see stands still.
  const moved = from.scale === to.scale ? part : (1 / scale - 1 / from.scale) / (1 / to.scale - 1 / from.scale);
  return { x: from.x + (to.x - from.x) * moved, y: from.y + (to.y - from.y) * moved, scale };
}

/** The part of the map that is seen. */
export function seen(view: View, size: Size): Bounds {
  const [w, h] = [size.width / 2 / view.scale, size.height / 2 / view.scale];
  return { left: view.x - w, right: view.x + w, low: view.y - h, high: view.y + h };
}

/** For the address: the middle and how many times nearer than all of it; null where all of it is seen. */
export function formatView(view: View, whole: View): string | null {
  if (view.scale <= whole.scale * 1.001) return null;
  return [view.x, view.y, view.scale / whole.scale].map((one) => Number(one.toPrecision(7))).join("_");
}

/** Null for what is no view. The same part is seen on any screen. */
export function parseView(text: string | null, whole: View): View | null {
  const [x, y, nearer] = (text ?? "").split("_").map(Number);
  if (x === undefined || y === undefined || !nearer || ![x, y, nearer].every(Number.isFinite)) return null;
  return { x, y, scale: whole.scale * clamp(nearer, 1, DEEPEST) };
}
