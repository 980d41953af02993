// Colours of points. Orange means activation and stays out; each colour here has its meaning in words beside the map.
//
// The four kinds and the plain grey stay apart for deutan, protan and tritan sight (the test simulates them), on a light
// ground and on a dark one.

export interface Palette {
  plain: string;
  kinds: readonly string[];
  /** From little to much. */
  ramp: readonly [string, string];
  ink: string;
}

export const LIGHT: Palette = {
  plain: "#b4b7c0",
  kinds: ["#0d82e9", "#155b2f", "#5b006f", "#9d8727"],
  ramp: ["#d3d6dd", "#15151a"],
  ink: "#1a1a1f",
};

export const DARK: Palette = {
  plain: "#50545e",
  kinds: ["#2579f2", "#36fea1", "#e9a4fe", "#a5891e"],
  ramp: ["#3a3d46", "#fafafc"],
  ink: "#f1f1f3",
};

export const STEPS = 16;

/** Places of colours in the table that points count in: plain, the kinds, the ramp, ink. */
export const PLAIN = 0;
export const KIND = 1;
export const RAMP = 5;
export const INK = RAMP + STEPS;

/** Colour of a kind; they come again after the fourth. */
export function kindColour(palette: Palette, kind: number): string {
  return palette.kinds[kind % palette.kinds.length]!;
}

/** The place of an SAE's colour: the largest comes first, whatever stands beside it. */
export function kindOfSae(saes: readonly string[], sae: string): number {
  return saes.length - 1 - saes.indexOf(sae);
}

/** All colours in the order of their places, as red, green, blue from 0 to 1. */
export function tableOf(palette: Palette): Float32Array {
  const [from, to] = palette.ramp.map(rgb) as [number[], number[]];
  const ramp = Array.from({ length: STEPS }, (_, step) => from.map((one, i) => one + ((to[i]! - one) * step) / (STEPS - 1)));
  const all = [rgb(palette.plain), ...palette.kinds.map(rgb), ...ramp, rgb(palette.ink)];
  return Float32Array.from(all.flat());
}

export function rgb(hex: string): number[] {
  return [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255);
}
