import { describe, expect, test } from "vitest";
import { searchOf } from "../../lib/route";
import { freshSeed, parseSeed, SEEDS, settingsOf, settingsQuery, USUAL } from "./settings";

describe("seeds", () => {
  test("are whole numbers that the server takes", () => {
    expect(["0", " 42 ", String(SEEDS - 1)].map(parseSeed)).toEqual([0, 42, SEEDS - 1]);
    expect(["", "-1", "1.5", "1e3", "seed", String(SEEDS), "99999999999"].map(parseSeed)).toEqual(Array(7).fill(null));
  });
  test("for another answer are the next that none has", () => {
    expect(freshSeed([0], 0)).toBe(1);
    expect(freshSeed([0, 1, 3], 0)).toBe(2);
    expect(freshSeed([SEEDS - 1, 0], SEEDS - 1)).toBe(1);
  });
});

test("settings come back from addresses, and wrong ones are put right", () => {
  for (const settings of [USUAL, { seed: 7, temperature: 0, most: 20 }, { seed: 0, temperature: 1.25, most: 2048 }]) {
    expect(settingsOf(searchOf(settingsQuery(settings)))).toEqual(settings);
  }
  expect(settingsOf(new URLSearchParams("seed=x&temperature=9&tokens=0"))).toEqual({ seed: USUAL.seed, temperature: 2, most: 1 });
});
