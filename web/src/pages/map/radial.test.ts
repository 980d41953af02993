import { describe, expect, it } from "vitest";
import { overlap } from "./labels";
import { placed, ringsOf, type Neighbour } from "./radial";

const size = { width: 792, height: 640 };
const [cx, cy] = [size.width / 2, size.height / 2];
const cosines = [0.71, 0.64, 0.6, 0.52, 0.5, 0.49, 0.41, 0.4, 0.37, 0.33];
const neighbours: Neighbour[] = cosines.map((cosine, i) => ({ cosine, width: 60 + 12 * i }));
const none = cosines.map(() => cosines.map(() => 0));
const rings = ringsOf(cosines, size);

describe("the neighbourhood", () => {
  it("puts each neighbour exactly as far from the middle as its cosine says, on one scale", () => {
    const all = placed(neighbours, none, rings, size);
    const [outer, inner] = [rings.radius(0.3), rings.radius(0.7)];
    for (const [i, { x, y }] of all.entries()) {
      const radius = outer + ((inner - outer) * (cosines[i]! - 0.3)) / 0.4;
      expect(Math.hypot(x - cx, y - cy)).toBeCloseTo(radius, 9);
    }
  });

  it("puts the likest innermost, and neighbours of neighbours outside of all", () => {
    const radii = cosines.map(rings.radius);
    expect(radii).toEqual([...radii].sort((a, b) => a - b));
    expect(rings.band[0]).toBeGreaterThan(rings.radius(rings.ticks[0]!));
  });

  it("marks round cosines, the first one outside of all", () => {
    expect(rings.ticks).toEqual([0.3, 0.4, 0.5, 0.6, 0.7]);
    expect(ringsOf([0.16, 0.83], size).ticks).toEqual([0.1, 0.3, 0.5, 0.7, 0.9]);
    expect(ringsOf([0.19, 0.16], size).ticks).toEqual([0.16, 0.17, 0.18, 0.19]);
    expect(ringsOf([0.5], size).ticks).toHaveLength(2);
  });

  it("covers no name with another, and leaves none outside", () => {
    for (const some of [neighbours, neighbours.slice(0, 3), neighbours.map((one) => ({ ...one, cosine: 0.4 }))]) {
      const all = placed(some, some.map(() => some.map(() => 0)), ringsOf(some.map(({ cosine }) => cosine), size), size);
      for (const [i, { label }] of all.entries()) {
        expect(label.left).toBeGreaterThanOrEqual(0);
        expect(label.left + label.width).toBeLessThanOrEqual(size.width);
        for (const other of all.slice(0, i)) expect(overlap(label, other.label)).toBe(0);
      }
    }
  });

  it("keeps the name under the middle free", () => {
    const near = neighbours.map((one) => ({ ...one, cosine: 0.71 }));
    const rings = ringsOf([0.7, 0.33], size);
    const title = { left: cx - 80, top: cy + 12, width: 160, height: 20 };
    const covered = (width: number) => placed(near.slice(0, 4), none.slice(0, 4), rings, size, width).filter(({ label }) => overlap(label, title) > 0).length;
    expect(covered(160)).toBe(0);
  });

  it("writes names away from the middle", () => {
    for (const { x, side } of placed(neighbours, none, rings, size)) expect(side).toBe(x < cx - 1e-6 ? "left" : "right");
  });

  it("puts those that are alike beside each other", () => {
    const alike = none.map((row) => [...row]);
    for (const [a, b] of [[0, 7], [7, 3], [1, 9]] as const) alike[a]![b] = alike[b]![a] = 0.6;
    const all = placed(neighbours.map((one) => ({ ...one, width: 20 })), alike, rings, size);
    const order = all.map(({ angle }, i) => [((angle % (2 * Math.PI)) + 2 * Math.PI) % (2 * Math.PI), i] as const).sort(([a], [b]) => a - b).map(([, i]) => i);
    const apart = (a: number, b: number) => Math.min(Math.abs(order.indexOf(a) - order.indexOf(b)), 10 - Math.abs(order.indexOf(a) - order.indexOf(b)));
    expect([apart(0, 7), apart(7, 3), apart(1, 9)]).toEqual([1, 1, 1]);
  });
});
