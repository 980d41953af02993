import { describe, expect, it } from "vitest";
import { linear } from "../../lib/scales";
import { DARK, INK, KIND, kindOfSae, LIGHT, PLAIN, RAMP, rgb, STEPS, tableOf, type Palette } from "./colours";
import { byCluster, byCosine, byCosines, byDensity, byMatch, bySae, COLOUR, densityRange, densityScale, FAINT, only, RAISED } from "./paint";
import { planted } from "./planted";

const colour = (paint: Uint8Array) => [...paint].map((one) => one & COLOUR);
const places = [[0, 0], [1, 0], [2, 0], [3, 0]] as const;

describe("paint", () => {
  it("goes from little to much with density, plain where it is not known", () => {
    const points = planted(places, { density: [1e-5, 1e-3, 1e-1, null] });
    const range = densityRange(points)!;
    expect(range[0]).toBeCloseTo(1e-5, 9);
    expect(colour(byDensity(points, densityScale(range)))).toEqual([RAMP, RAMP + Math.round((STEPS - 1) / 2), RAMP + STEPS - 1, PLAIN]);
    expect(densityRange(planted(places))).toBeNull();
  });

  it("gives clusters the four colours in turn, over those that are in none", () => {
    const paint = byCluster(planted(places, { cluster: [0, 5, null, 3] }));
    expect(colour(paint)).toEqual([KIND, KIND + 1, PLAIN, KIND + 3]);
    expect([...paint].map((one) => (one & RAISED) > 0)).toEqual([true, true, false, true]);
  });

  it("gives the largest SAE the first colour and puts smaller ones over it", () => {
    const paint = bySae(planted(places, { saes: [{ name: "small", start: 0, features: 1 }, { name: "wide", start: 1, features: 3 }] }));
    expect([...paint]).toEqual([(KIND + 1) | RAISED, KIND, KIND, KIND]);
    expect(kindOfSae(["a", "b", "c"], "a")).toBe(2);
  });

  it("colours what matches, and by cosine what is known of it", () => {
    expect([...byMatch(planted(places), [2])]).toEqual([PLAIN, PLAIN, KIND | RAISED, PLAIN]);
    const paint = byCosine(planted(places), new Map([[1, 0.9], [3, 0.3]]), linear(0.3, 0.9));
    expect(colour(paint)).toEqual([PLAIN, RAMP + STEPS - 1, PLAIN, RAMP]);
  });

  it("colours every feature of an SAE by its cosine, its neighbours over the others", () => {
    const points = planted(places, { saes: [{ name: "small", start: 0, features: 1 }, { name: "wide", start: 1, features: 3 }] });
    const paint = byCosines(points, 1, [0.8, -0.2, null], new Map([[1, 0.8]]), linear(0, 0.8));
    expect([...paint]).toEqual([PLAIN, (RAMP + STEPS - 1) | RAISED, RAMP, PLAIN]);
  });

  it("lets all but the chosen step back, and shows the chosen even where they were plain", () => {
    const paint = only(byMatch(planted(places), [2]), Uint32Array.of(1, 2));
    expect([...paint]).toEqual([FAINT, INK | RAISED, KIND | RAISED, FAINT]);
  });
});

// Machado, Oliveira and Fernandes (2009): how colours look without one kind of cone, in linear light.
const SIGHTS = {
  whole: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  protan: [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
  deutan: [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
  tritan: [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
};
const light = (hex: string) => rgb(hex).map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
const times = (m: readonly number[], v: readonly number[]) => [0, 1, 2].map((i) => m[3 * i]! * v[0]! + m[3 * i + 1]! * v[1]! + m[3 * i + 2]! * v[2]!);
const oklab = (v: readonly number[]) => {
  const cones = times([0.4122214708, 0.5363325363, 0.0514459929, 0.2119034982, 0.6806995451, 0.1073969566, 0.0883024619, 0.2817188376, 0.6299787005], v.map((one) => Math.min(1, Math.max(0, one))));
  return times([0.2104542553, 0.793617785, -0.0040720468, 1.9779984951, -2.428592205, 0.4505937099, 0.0259040371, 0.7827717662, -0.808675766], cones.map(Math.cbrt));
};
const luminance = (hex: string) => light(hex).reduce((sum, one, i) => sum + one * [0.2126, 0.7152, 0.0722][i]!, 0);

describe.each<[string, Palette, string]>([["light", LIGHT, "#ffffff"], ["dark", DARK, "#16171b"]])("colours on %s", (_, palette, ground) => {
  it.each(Object.entries(SIGHTS))("stay apart for %s sight", (_, sight) => {
    const all = [...palette.kinds, palette.plain].map((hex) => oklab(times(sight, light(hex))));
    const apart = all.flatMap((a, i) => all.slice(0, i).map((b) => Math.hypot(...a.map((one, k) => one - b[k]!))));
    expect(Math.min(...apart)).toBeGreaterThan(0.15);
  });

  it("can be seen on their ground", () => {
    for (const hex of palette.kinds) {
      const [a, b] = [luminance(hex), luminance(ground)];
      expect((Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)).toBeGreaterThan(3);
    }
  });

  it("stand in one table by their places", () => {
    const table = tableOf(palette);
    expect(table).toHaveLength(3 * (INK + 1));
    expect(table[3 * (KIND + 1)]).toBeCloseTo(rgb(palette.kinds[1]!)[0]!, 6);
    expect(table[3 * INK]).toBeCloseTo(rgb(palette.ink)[0]!, 6);
  });
});
