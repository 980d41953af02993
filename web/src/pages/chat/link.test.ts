import { expect, test } from "vitest";
import type { Place } from "../../shell/place";
import { editsOf } from "./edits";
import { doseLink, steerLink } from "./link";

const PLACE = { study: "s", sae: "main" } as Place;
const edits = (link: string) => editsOf(new URLSearchParams(link.split("?")[1]), 64);

test("a link into Chat steers by a concept at its dose, or by a feature", () => {
  expect(doseLink(PLACE, "golden_gate_bridge")).toBe("#/s/main/chat?edit=golden_gate_bridge%3A1");
  expect(edits(doseLink(PLACE, "golden_gate_bridge"))).toEqual([{ kind: "dose", concept: "golden_gate_bridge", value: 1 }]);
  expect(edits(steerLink(PLACE, 42))).toMatchObject([{ kind: "feature", number: 42, value: 2 }]);
});
