import { expect, test } from "vitest";
import { columnsInSight, scrolledTo, walked } from "./grid";

test("of many columns only those in sight and a few beside are drawn", () => {
  expect(columnsInSight(0, 600, 30, 1000, 2)).toEqual([0, 22]);
  expect(columnsInSight(3000, 600, 30, 1000, 2)).toEqual([98, 122]);
  expect(columnsInSight(29_700, 600, 30, 1000, 2)).toEqual([988, 1000]);
  expect(columnsInSight(0, 600, 30, 5, 2)).toEqual([0, 5]);
  // A prompt became shorter while it was scrolled.
  expect(columnsInSight(3000, 600, 30, 4, 2)).toEqual([4, 4]);
});

test("keys walk the cells and stop at the edges", () => {
  const walk = (row: number, column: number, key: string) => walked({ row, column }, key, 3, 50, 10);
  expect(walk(0, 0, "ArrowLeft")).toEqual({ row: 0, column: 0 });
  expect(walk(1, 4, "ArrowDown")).toEqual({ row: 2, column: 4 });
  expect(walk(2, 4, "ArrowDown")).toEqual({ row: 2, column: 4 });
  expect(walk(1, 45, "PageDown")).toEqual({ row: 1, column: 49 });
  expect(walk(1, 45, "Home")).toEqual({ row: 1, column: 0 });
  expect(walk(1, 4, "a")).toBeNull();
});

test("a column out of sight is scrolled to its nearer edge", () => {
  expect(scrolledTo(2, 100, 300, 30)).toBe(60);
  expect(scrolledTo(20, 100, 300, 30)).toBe(330);
  expect(scrolledTo(5, 100, 300, 30)).toBe(100);
});
