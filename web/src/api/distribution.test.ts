import { expect, test } from "vitest";
import { differences, edgesOf } from "./distribution";

test("edges are spaced evenly in log and end at the extremes", () => {
  expect(edgesOf(0.001, 10, 4).map((edge) => Number(edge.toPrecision(6)))).toEqual([0.001, 0.01, 0.1, 1, 10]);
  expect(edgesOf(2, 2)).toHaveLength(2);
});

test("counts above edges become counts between them", () => {
  expect(differences([10, 7, 2, 0])).toEqual([3, 5, 2]);
});
