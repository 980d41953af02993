import { expect, test } from "vitest";
import { rowsOf } from "./labels";

test("labels that would touch stand in rows above each other", () => {
  expect(rowsOf([{ at: 0.1, length: 10 }, { at: 0.12, length: 10 }, { at: 0.13, length: 10 }, { at: 0.8, length: 10 }], 1000)).toEqual([0, 1, 2, 0]);
});
