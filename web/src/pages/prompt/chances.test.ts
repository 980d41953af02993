import { expect, test } from "vitest";
import { chance, chancesOf, mostMoved } from "./chances";

const one = (token: number, plain: number, edited: number | null) => ({ token, text: `t${token}`, plain, edited });
const record = (...chances: ReturnType<typeof one>[]) => ({ position: 0, text: "x", chances });

test("the likeliest tokens of either model are told in the order of the plain one", () => {
  const { rows, others, moved } = chancesOf(record(one(1, 0.5, 0.1), one(2, 0.2, 0.2), one(3, 0.05, 0.6)), 2);
  expect(rows.map(({ token }) => token)).toEqual([1, 3]);
  expect(others.plain).toBeCloseTo(0.45);
  expect(others.edited).toBeCloseTo(0.3);
  // 0.4 leaves token 1; of it 0.55 less 0.15 from tokens that are not told arrives at token 3.
  expect(moved).toBeCloseTo((0.4 + 0 + 0.55 + 0.15) / 2);
});

test("without edits nothing moves", () => {
  const { others, moved, rows } = chancesOf(record(one(1, 0.75, null)), 5);
  expect(others).toEqual({ plain: 0.25, edited: null });
  expect(moved).toBeNull();
  expect(mostMoved(rows)).toBeNull();
});

test("the token that changes most is found, up or down", () => {
  expect(mostMoved([one(1, 0.5, 0.4), one(2, 0.1, 0.4)])?.token).toBe(2);
  expect(mostMoved([one(1, 0.5, 0.5)])).toBeNull();
});

test("probabilities have three decimals", () => {
  expect([0.15674, 0.0004, 0, 0.0005, 1].map(chance)).toEqual([".157", "<.001", ".000", ".001", "1"]);
});
