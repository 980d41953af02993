import { expect, test } from "vitest";
import { along, size, type Place } from "./place";

const place = (numbers: number[] | null) => ({ numbers, record: { d_sae: 9 } }) as unknown as Place;

test("one walks along all features, round the end", () => {
  expect([along(place(null), 8, 1), along(place(null), 0, -1), along(place(null), 3, 2)]).toEqual([0, 8, 5]);
  expect(size(place(null))).toBe(9);
});

test("where a part of them is there, one walks along these, also from one that is not", () => {
  const some = place([1, 4, 6]);
  expect([along(some, 4, 1), along(some, 6, 1), along(some, 1, -1), along(some, 5, -1), along(some, 7, 0)]).toEqual([6, 1, 6, 4, 1]);
  expect(size(some)).toBe(3);
});
