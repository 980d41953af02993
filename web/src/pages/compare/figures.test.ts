import { expect, test } from "vitest";
import type { NamedFigure, SAERecord } from "../../api/records";
import { cautions, differing, domainOf, rowsOf, verdict, type Row, type Side } from "./figures";

const named = (key: string, value: number, low: number, high: number, base?: number): NamedFigure => ({
  key,
  name: key,
  figure: { value, low, high },
  baselines: base === undefined ? [] : [{ name: "PCA", what: "PCA", figure: { value: base, low: null, high: null } }],
});
const record = (name: string, figures: NamedFigure[] | null, more: Partial<SAERecord> = {}) => ({
  name,
  study: "s",
  kind: "topk",
  hook: "resid_post.1",
  model: "main",
  d_sae: 64,
  version: name,
  index: null,
  settings: [],
  measured: [{ name: "l0", value: 32 }, { name: "variance_explained", value: 0.8 }],
  evaluation: figures && { figures, positions: 1, documents: 1, split: "report", notes: [], density: { edges: [], shares: [] } },
  ...more,
}) as SAERecord;
const side = (value: number, low: number | null, high: number | null): Side => ({ value, low, high, baselines: [], best: null, loses: false, training: false });
const row = (better: Row["better"], a: Side | null, b: Side | null): Row => ({ id: "x", name: "x", says: "", better, show: String, sides: [a, b] });

test("figures are those of the evaluation, else of the training, and say which", () => {
  const rows = rowsOf(record("a", [named("fvu", 0.25, 0.2, 0.3, 0.5)]), record("b", null));
  expect(rows.map(({ id }) => id)).toEqual(["l0", "variance"]);
  const variance = rows.find(({ id }) => id === "variance")!;
  expect(variance.sides[0]).toMatchObject({ value: 0.75, low: 0.7, high: 0.8, training: false, best: { value: 0.5 }, loses: false });
  expect(variance.sides[1]).toMatchObject({ value: 0.8, low: null, training: true });
});

test("one is better only beyond the intervals of both", () => {
  expect(verdict(row("more", side(0.9, 0.88, 0.92), side(0.8, 0.78, 0.82)))).toBe(0);
  expect(verdict(row("less", side(0.9, 0.88, 0.92), side(0.8, 0.78, 0.82)))).toBe(1);
  expect(verdict(row("more", side(0.9, 0.8, 1), side(0.85, 0.8, 0.9)))).toBe("open");
  expect(verdict(row("more", side(0.9, null, null), side(0.1, null, null)))).toBe("open");
  expect(verdict(row(null, side(1, 1, 1), side(2, 2, 2)))).toBeNull();
  expect(verdict(row("more", side(1, 1, 1), null))).toBeNull();
});

test("the line holds every value, from 0 where none is below it", () => {
  expect(domainOf(row("more", side(0.9, 0.8, 0.95), null))).toEqual([0, 1]);
  const [low, high] = domainOf(row("less", side(-1, -2, 0), side(2, 1, 3)));
  expect(low).toBeLessThan(-2);
  expect(high).toBeGreaterThan(3);
  expect(domainOf(row("less", side(0, 0, 0), side(0, 0, 0)))).toEqual([0, 1]);
});

test("settings that differ are told, also where one has none", () => {
  const a = record("a", null, { settings: [{ name: "k", value: 32 }, { name: "lr", value: null }, { name: "d_sae", value: 16384 }] });
  const b = record("b", null, { settings: [{ name: "k", value: 16 }, { name: "lr", value: null }] });
  expect(differing(a, b)).toEqual([
    { name: "k", values: ["32", "16"] },
    { name: "d_sae", values: ["16,384", "–"] },
  ]);
});

test("what makes figures hard to compare is said", () => {
  const a = record("a", [named("l0", 32, 32, 32)]);
  expect(cautions(a, record("b", [named("l0", 16, 16, 16)], { hook: "resid_post.3" }))).toEqual([
    "They read at different places, resid_post.1 and resid_post.3, so that their figures are of different activations.",
    "a fires 2 times as many features at a position, and should give back more.",
  ]);
  expect(cautions(a, record("b", null))).toEqual(["Figures of a are of text that it never saw, those of b of its training."]);
  expect(cautions(a, record("b", [named("l0", 32, 32, 32)]))).toEqual([]);
});
