import { expect, test } from "vitest";
import { DARK, LIGHT } from "../map/colours";
import { stylesOf } from "./styles";

test("sixteen runs look different from each other, on both grounds", () => {
  const saes = Array.from({ length: 16 }, (_, i) => `s${i}`);
  for (const palette of [LIGHT, DARK]) {
    const styles = stylesOf(saes, palette);
    expect(new Set([...styles.values()].map(({ colour, dash }) => `${colour} ${dash}`)).size).toBe(16);
  }
});
