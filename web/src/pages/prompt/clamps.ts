// Features held at a value while the model reads. The address keeps them as `5301:0,268:1.5:here`.
import type { Steer } from "../../api/records";

export interface Clamp {
  feature: number;
  /** In multiples of its scale. */
  value: number;
  /** At every token up to the chosen one, or at that one alone. */
  where: "all" | "here";
}

/** Where the slider ends unless a value lies beyond. */
export const LEAST = -2;
export const MOST = 4;

export function parseClamps(text: string | null): Clamp[] {
  const found = (text ?? "").split(",").flatMap((one): Clamp[] => {
    const match = /^(\d+):(-?\d+(?:\.\d+)?)(:here)?$/.exec(one);
    return match ? [{ feature: Number(match[1]), value: Number(match[2]), where: match[3] ? "here" : "all" }] : [];
  });
  return found.filter(({ feature }, i) => found.findIndex((other) => other.feature === feature) === i);
}

/** Null where nothing is held, so that the key goes away. */
export function formatClamps(clamps: readonly Clamp[]): string | null {
  return clamps.map(({ feature, value, where }) => `${feature}:${value}${where === "here" ? ":here" : ""}`).join(",") || null;
}

/** `clamps` with that of one feature changed, added at the end, or with null taken away. */
export function withClamp(clamps: readonly Clamp[], feature: number, change: Partial<Clamp> | null): Clamp[] {
  if (change === null) return clamps.filter((one) => one.feature !== feature);
  if (clamps.some((one) => one.feature === feature)) return clamps.map((one) => (one.feature === feature ? { ...one, ...change } : one));
  return [...clamps, { feature, value: 1, where: "all", ...change }];
}

/** Where a clamp begins: what fires is taken out, what is silent is put at its maximum. */
export function firstValue(activation: number): number {
  return activation > 0 ? 0 : 1;
}

/**
 * What the API takes.
 *
 * `scaleOf` gives what a value of 1 means for a feature where there is no index to know its maximum; with an index the
 * server knows it, and it is null.
 */
export function steering(clamps: readonly Clamp[], scaleOf: ((feature: number) => number) | null): Steer[] {
  return clamps.map(({ feature, value, where }) => {
    const positions = where === "here" ? "answer" : "all";
    if (scaleOf === null) return { feature, operation: "clamp", value, positions, raw: false };
    return { feature, operation: "clamp", value: value * scaleOf(feature), positions, raw: true };
  });
}

/** The same as the Chat page's address has them: what is held at one token here is held from the answer on there. */
export function chatEdits(clamps: readonly Clamp[]): string[] {
  return clamps.map(({ feature, value, where }) => `${feature}:${value}${where === "here" ? ":clamp:answer" : ""}`);
}
