// A loop drawn round points: which lie in it, and how it stands in an address.
import type { Grid } from "./grid";
import type { Bounds, Points } from "./points";

/** x and y in turn, in units of the map; closed by itself. */
export type Loop = readonly number[];

const MOST_CORNERS = 32;

/** Whether a place lies in a loop: a ray from it crosses the loop an odd number of times. */
export function isInside(loop: Loop, x: number, y: number): boolean {
  let inside = false;
  for (let i = 0, j = loop.length - 2; i < loop.length; j = i, i += 2) {
    const [ax, ay, bx, by] = [loop[i]!, loop[i + 1]!, loop[j]!, loop[j + 1]!];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}

/** The points in a loop, by number. */
export function lassoed(loop: Loop, points: Points, grid: Grid): Uint32Array {
  const found: number[] = [];
  if (loop.length >= 6) {
    grid.each(boundsOf(loop), (point) => {
      if (isInside(loop, points.x[point]!, points.y[point]!)) found.push(point);
    });
  }
  return Uint32Array.from(found).sort();
}

/** The loop with no more corners than an address has room for: those that change its shape least go first. */
export function simplified(loop: Loop, most = MOST_CORNERS): number[] {
  const corners = Array.from({ length: loop.length / 2 }, (_, i): [number, number] => [loop[2 * i]!, loop[2 * i + 1]!]);
  while (corners.length > most) {
    let flattest = 0;
    let least = Infinity;
    for (let i = 0; i < corners.length; i++) {
      const area = triangle(corners.at(i - 1)!, corners[i]!, corners[(i + 1) % corners.length]!);
      if (area < least) [flattest, least] = [i, area];
    }
    corners.splice(flattest, 1);
  }
  return corners.flat();
}

export function formatLoop(loop: Loop): string {
  return loop.map((one) => Number(one.toPrecision(4))).join("_");
}

/** Null for what is no loop. */
export function parseLoop(text: string | null): Loop | null {
  const loop = (text ?? "").split("_").map(Number);
  return loop.length >= 6 && loop.length % 2 === 0 && loop.every(Number.isFinite) ? loop : null;
}

function triangle([ax, ay]: [number, number], [bx, by]: [number, number], [cx, cy]: [number, number]): number {
  return Math.abs((bx - ax) * (cy - ay) - (cx - ax) * (by - ay));
}

function boundsOf(loop: Loop): Bounds {
  const [xs, ys] = [loop.filter((_, i) => i % 2 === 0), loop.filter((_, i) => i % 2 === 1)];
  return { left: Math.min(...xs), right: Math.max(...xs), low: Math.min(...ys), high: Math.max(...ys) };
}
