import { expect, test } from "vitest";
import { groundsOf, nameOf } from "./names";

const name = (rule: string, confidence: number, by = "rule") => ({ text: "Gate", rule, confidence, by });

test("a name says who gave it and on what grounds", () => {
  expect(groundsOf(name("tokens", 0.0968))).toBe("Named by rule: its two best tokens, with 9.68 % of its activation");
  expect(groundsOf(name("tag", 0.043))).toBe("Named by rule: it fires inside the spans of this tag, F1 0.04");
  expect(groundsOf(name("judged", 0.8, "a judge"))).toBe("Named by a judge: confidence 0.80");
});

test("a name that a person gave says what rules call the feature", () => {
  expect(groundsOf(name("own", 1, "a person"))).toBe("Named by a person");
  expect(groundsOf(name("own", 1, "a person"), name("token", 0.4))).toBe("Named by a person; by rule: Gate");
});

test("a feature without a name says so", () => {
  expect([nameOf({ name: null }), nameOf({ name: name("token", 1) })]).toEqual(["no name yet", "Gate"]);
});
