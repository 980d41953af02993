// The neighbourhood of one feature: how far from the middle each neighbour stands is its cosine, exactly. Only the angle is
// free, and is chosen so that neighbours that are alike stand together and no name covers another.
import { linear } from "../../lib/scales";
import { overlap, type Box } from "./labels";
import type { Size } from "./view";

export interface Neighbour {
  cosine: number;
  /** Of its name, in pixels. */
  width: number;
}

export interface Placed {
  x: number;
  y: number;
  angle: number;
  radius: number;
  /** On which side of its point its name stands. */
  side: "left" | "right";
  label: Box;
}

export interface Rings {
  /** From a cosine to a distance from the middle: the likest innermost. */
  radius: (cosine: number) => number;
  /** Round cosines from the least end inwards. */
  ticks: number[];
  /** Between here and there stand neighbours of neighbours, whose own cosine is not known. */
  band: [number, number];
}

const TURNS = 72;
const LABEL = 18;
const TITLE = 20;
const GAP = 10;
const NUDGES = [-0.3, -0.15, -0.06, 0.06, 0.15, 0.3];
const ROUNDS = 12;

/** Round steps between rings, and to what the ends are rounded. */
const STEPS = [[0.01, 0.01], [0.02, 0.01], [0.05, 0.05], [0.1, 0.05], [0.2, 0.1], [0.5, 0.1]] as const;

/** Distances for cosines from `low` to `high`; the ends are rounded outwards. */
export function ringsOf(cosines: readonly number[], { width, height }: Size): Rings {
  const most = Math.min(width, height) / 2 - 14;
  const [least, largest] = [Math.min(...cosines), Math.max(...cosines)];
  const [step, ends] = STEPS.find(([step]) => (largest - least) / step <= 4) ?? STEPS.at(-1)!;
  const low = Math.floor(least / ends + 1e-9) * ends;
  const high = Math.max(low + step, Math.ceil(largest / ends - 1e-9) * ends);
  const inner = Math.max(46, 0.22 * most);
  const outer = 0.8 * most;
  const scale = linear(low, high);
  const ticks = Array.from({ length: Math.floor((high - low) / step + 1e-9) + 1 }, (_, i) => Number((low + i * step).toFixed(6)));
  return { radius: (cosine) => outer + (inner - outer) * scale(cosine), ticks, band: [0.88 * most, most] };
}

/**
 * Puts neighbours round the middle of a picture.
 *
 * They go round in an order in which each is followed by the one most alike (`alike[i][j]`, 0 for unknown), evenly spaced,
 * turned as a whole to where names cover least; then each moves a little for as long as that covers less. `title` is the
 * width of the name under the middle.
 */
export function placed(neighbours: readonly Neighbour[], alike: readonly (readonly number[])[], rings: Rings, size: Size, title = 0): Placed[] {
  const order = chained(alike);
  const even = (turn: number) => {
    const angles = new Array<number>(order.length).fill(0);
    for (const [place, one] of order.entries()) angles[one] = ((2 * Math.PI) / order.length) * (place + turn / TURNS);
    return angles;
  };
  const put = (angles: readonly number[]) => neighbours.map((one, i) => placeOne(one, angles[i]!, rings, size));
  let angles = best(Array.from({ length: TURNS }, (_, turn) => even(turn)), (one) => cost(put(one), size, title));
  let least = cost(put(angles), size, title);
  for (let round = 0; round < ROUNDS && least > 0; round++) {
    const before = least;
    for (let i = 0; i < angles.length; i++) {
      for (const nudge of NUDGES) {
        const moved = angles.with(i, angles[i]! + nudge);
        const costs = cost(put(moved), size, title);
        if (costs < least) [angles, least] = [moved, costs];
      }
    }
    if (least === before) break;
  }
  return put(angles);
}

/** Where something stands at an angle, a turn clockwise from the right. */
export function at(angle: number, radius: number, { width, height }: Size): [number, number] {
  return [width / 2 + radius * Math.cos(angle), height / 2 + radius * Math.sin(angle)];
}

function placeOne({ cosine, width }: Neighbour, angle: number, rings: Rings, size: Size): Placed {
  const radius = rings.radius(cosine);
  const [x, y] = at(angle, radius, size);
  const side = Math.cos(angle) < -1e-9 ? "left" : "right";
  const left = side === "right" ? x + GAP : x - GAP - width;
  return { x, y, angle, radius, side, label: { left, top: y - LABEL / 2, width, height: LABEL } };
}

/** What is covered: names by names, by points, by the middle with its name, and by the edge of the picture. */
function cost(all: readonly Placed[], { width, height }: Size, title: number): number {
  const middle = { left: width / 2 - 12, top: height / 2 - 12, width: 24, height: 24 };
  const name = { left: (width - title) / 2, top: height / 2 + 12, width: title, height: TITLE };
  let sum = 0;
  for (const [i, { label, x, y }] of all.entries()) {
    sum += overlap(label, middle) + overlap(label, name) + overlap({ left: x - 8, top: y - 8, width: 16, height: 16 }, name);
    const inside = overlap(label, { left: 0, top: 0, width, height });
    sum += 2 * (label.width * label.height - inside);
    for (const [j, other] of all.entries()) {
      if (j < i) sum += overlap(label, other.label);
      if (j !== i) sum += overlap(label, { left: other.x - 6, top: other.y - 6, width: 12, height: 12 });
    }
  }
  return sum;
}

/** An order in which each is followed by the likest of those that are left. */
function chained(alike: readonly (readonly number[])[]): number[] {
  const left = alike.map((_, i) => i);
  const order = left.splice(0, 1);
  while (left.length) {
    const row = alike[order.at(-1)!]!;
    const next = best(left.map((_, place) => place), (place) => -(row[left[place]!] ?? 0));
    order.push(...left.splice(next, 1));
  }
  return order;
}

function best<T>(all: readonly T[], cost: (one: T) => number): T {
  const costs = all.map(cost);
  return all[costs.indexOf(Math.min(...costs))]!;
}
