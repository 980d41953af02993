import { expect, test } from "vitest";
import type { CurvePoint, Run } from "../../api/records";
import { constant, METRICS, nearest, progress, same, seriesOf, stepped, stops } from "./curves";

const point = (positions: number, loss: number | null): CurvePoint => ({ step: positions, positions, loss, mse: loss, l0: 32, variance_explained: 0.5, dead_share: 0, grad_norm: 1, lr: 0.001 });
const run = (sae: string, ...losses: (number | null)[]): Run => ({ sae, state: "made", positions: losses.length * 10, expected: 40, curve: losses.map((loss, i) => point(10 * (i + 1), loss)) });
const metric = (id: string) => METRICS.find((one) => one.id === id)!;

test("a curve leaves out what is not finite, and a run without any point", () => {
  expect(seriesOf([run("a", 3, null, 1), run("b", null), run("c")], metric("loss"))).toEqual([
    { sae: "a", points: [{ x: 10, y: 3 }, { x: 30, y: 1 }] },
  ]);
});

test("what is the same at every step is told once", () => {
  const runs = [run("a", 3, 2), run("b", 3, 1)];
  expect(constant(seriesOf(runs, metric("l0")))).toBe(32);
  expect(constant(seriesOf(runs, metric("loss")))).toBeNull();
  expect(constant([])).toBeNull();
  expect(same(seriesOf(runs, metric("loss")), seriesOf(runs, metric("mse")))).toBe(true);
  expect(same(seriesOf(runs, metric("loss")), seriesOf(runs, metric("l0")))).toBe(false);
});

test("the crosshair reads the nearest step, and nothing where a run has not come yet", () => {
  const { points } = seriesOf([run("a", 3, 2, 1)], metric("loss"))[0]!;
  expect(nearest(points, 14)).toEqual({ x: 10, y: 3 });
  expect(nearest(points, 34)).toEqual({ x: 30, y: 1 });
  expect(nearest(points, 36)).toBeNull();
  expect(nearest([], 1)).toBeNull();
});

test("keys walk over the steps of all runs", () => {
  const all = stops([{ sae: "a", points: [{ x: 1, y: 0 }, { x: 5, y: 0 }] }, { sae: "b", points: [{ x: 3, y: 0 }, { x: 5, y: 0 }] }]);
  expect(all).toEqual([1, 3, 5]);
  expect([stepped(all, null, 1), stepped(all, null, -1), stepped(all, 3, 1), stepped(all, 5, 1), stepped(all, 4, -1)]).toEqual([1, 5, 5, 5, 3]);
  expect(stepped([], 4, 1)).toBeNull();
});

test("a run is as far as its positions of those expected", () => {
  expect(progress(run("a", 1, 2))).toBe(0.5);
  expect(progress({ ...run("a"), expected: null })).toBeNull();
});
