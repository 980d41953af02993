import { describe, expect, it } from "vitest";
import { appearances, brief, clearFrom, clearOnes, overlap, strength, type Box, type Label } from "./labels";
import { random } from "./planted";

const label = (id: string, x: number, y: number, width = 60, height = 18): Label => ({ id, text: id, x, y, width, height });
const next = random(3);
const many = Array.from({ length: 150 }, (_, i) => label(String(i), 8 * next(), 8 * next(), 40 + 80 * next()));
const boxAt = ({ x, y, width, height }: Label, scale: number): Box => ({ left: x * scale - width / 2, top: y * scale - height / 2, width, height });

describe("labels", () => {
  it("never touch at any scale", () => {
    const from = appearances(many);
    for (const scale of [1, 20, 60, 75, 130, 400, 2000]) {
      const shown = many.filter((_, i) => scale >= from[i]!).map((one) => boxAt(one, scale));
      for (const [i, a] of shown.entries()) for (const b of shown.slice(0, i)) expect(overlap(a, b)).toBeLessThan(1e-6);
    }
  });

  it("stay once they are there, the first from the start, and come all in the end", () => {
    const from = appearances(many);
    expect(from[0]).toBe(0);
    expect(from.every(Number.isFinite)).toBe(true);
    const counts = [1, 30, 100, 1000, 1e6].map((scale) => from.filter((one) => scale >= one).length);
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
    expect(counts.at(-1)).toBe(many.length);
  });

  it("come when they are clear of those before them", () => {
    const [a, b] = [label("a", 0, 0), label("b", 1, 0.1)];
    expect(clearFrom(a, b)).toBe(60);
    expect([...appearances([a, b])]).toEqual([0, 60]);
    expect(appearances([a, label("on it", 0, 0)])[1]).toBe(Infinity);
  });

  it("fade in after they come", () => {
    expect([10, 50, 56.25, 62.5, 100].map((scale) => strength(50, scale))).toEqual([0, 0, 0.5, 1, 1]);
    expect(strength(0, 1)).toBe(1);
  });

  it("keep the first of boxes that touch", () => {
    const box = (left: number): Box => ({ left, top: 0, width: 10, height: 10 });
    expect(clearOnes([box(0), box(5), box(10), box(12)])).toEqual([true, false, true, false]);
  });

  it("say a name without its rule", () => {
    expect(brief("tokens 'people' and 'grandmother'")).toBe("‘people’ ‘grandmother’");
    expect(brief("token 'a'")).toBe("‘a’");
    expect(brief("'things' after 'Ten'")).toBe("‘things’ after ‘Ten’");
    expect(brief("token ''s'")).toBe("‘'s’");
    expect(brief("golden_gate_bridge")).toBe("golden_gate_bridge");
    expect(brief("a name that is much longer than a map has room for", 12)).toBe("a name that…");
  });
});
