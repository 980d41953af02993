import { describe, expect, it } from "vitest";
import { between, DEEPEST, fitted, formatView, parseView, seen, toMap, toScreen, zoomed } from "./view";

const bounds = { left: -2, right: 6, low: 1, high: 3 };
const size = { width: 848, height: 600 };
const whole = fitted(bounds, size);

describe("the view", () => {
  it("shows all of the map at first", () => {
    const box = seen(whole, size);
    expect(box.left).toBeLessThan(bounds.left);
    expect(box.right).toBeGreaterThan(bounds.right);
    expect(toScreen(whole, size, 2, 2)).toEqual([424, 300]);
    expect(whole.scale).toBe(100);
  });

  it("goes from the map to pixels and back, up being up", () => {
    const [left, top] = toScreen(whole, size, 5, 2.5);
    expect(top).toBeLessThan(300);
    expect(toMap(whole, size, left, top)).toEqual([5, 2.5]);
  });

  it("keeps the place under the pointer while it zooms", () => {
    const view = zoomed(whole, size, whole, 3.7, 700, 120);
    const [before, after] = [toMap(whole, size, 700, 120), toMap(view, size, 700, 120)];
    expect(after[0]).toBeCloseTo(before[0], 9);
    expect(after[1]).toBeCloseTo(before[1], 9);
  });

  it("goes no farther than all of it and no nearer than the deepest", () => {
    expect(zoomed(whole, size, whole, 0.1).scale).toBe(whole.scale);
    expect(zoomed(whole, size, whole, 1e9).scale).toBe(whole.scale * DEEPEST);
  });

  it("glides so that the place under the pointer stands still all the way", () => {
    const to = zoomed(whole, size, whole, 8, 700, 120);
    expect(between(whole, to, 0)).toEqual(whole);
    for (const part of [0.2, 0.5, 0.9, 1]) {
      const [x, y] = toMap(between(whole, to, part), size, 700, 120);
      const [ox, oy] = toMap(whole, size, 700, 120);
      expect(x).toBeCloseTo(ox, 9);
      expect(y).toBeCloseTo(oy, 9);
    }
    expect(between(whole, { ...whole, x: 4 }, 0.25).x).toBe(2.5);
  });

  it("stands in the address so that another screen shows the same part", () => {
    const text = formatView({ x: 1.25, y: 2.5, scale: 4 * whole.scale }, whole)!;
    const other = fitted(bounds, { width: 390, height: 400 });
    expect(parseView(text, other)).toEqual({ x: 1.25, y: 2.5, scale: 4 * other.scale });
    expect(formatView(whole, whole)).toBeNull();
    for (const wrong of [null, "", "1_2", "1_2_x", "1_2_0"]) expect(parseView(wrong, whole)).toBeNull();
  });
});
