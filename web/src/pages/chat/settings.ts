// How to write: seed, temperature, most tokens. In the address where they are not the usual.
import { clamp } from "../../lib/scales";

export interface Settings {
  /** The same seed gives the same text. */
  seed: number;
  temperature: number;
  /** New tokens at most. */
  most: number;
}

export const USUAL: Settings = { seed: 0, temperature: 0.7, most: 100 };
export const SEEDS = 2 ** 31;
export const MOST_TOKENS = 2048;

/** A seed that somebody typed; null where it is none. */
export function parseSeed(text: string): number | null {
  const value = /^\s*\d{1,10}\s*$/.test(text) ? Number(text) : Number.NaN;
  return value < SEEDS ? value : null;
}

/** The next seed that none of these answers has: small ones, so that they can be told and typed. */
export function freshSeed(used: readonly number[], after: number): number {
  let seed = (after + 1) % SEEDS;
  while (used.includes(seed)) seed = (seed + 1) % SEEDS;
  return seed;
}

export function settingsOf(query: URLSearchParams): Settings {
  const temperature = Number.parseFloat(query.get("temperature") ?? "");
  const most = Number.parseInt(query.get("tokens") ?? "", 10);
  return {
    seed: parseSeed(query.get("seed") ?? "") ?? USUAL.seed,
    temperature: Number.isFinite(temperature) ? clamp(temperature, 0, 2) : USUAL.temperature,
    most: Number.isFinite(most) ? clamp(most, 1, MOST_TOKENS) : USUAL.most,
  };
}

/** What the address holds for settings; null for the usual. */
export function settingsQuery({ seed, temperature, most }: Settings): Record<"seed" | "temperature" | "tokens", number | null> {
  return { seed: seed === USUAL.seed ? null : seed, temperature: temperature === USUAL.temperature ? null : temperature, tokens: most === USUAL.most ? null : most };
}
