import { expect, test } from "vitest";
import { parseHook, placeOf } from "./hooks";

test("hook points stand where they read", () => {
  expect(parseHook("resid_post.19")).toMatchObject({ layer: 19, words: "after layer 19" });
  expect(["resid_pre.3", "mlp_act.3", "resid_post.3"].map((text) => placeOf(parseHook(text)!))).toEqual([3, 3.5, 4]);
  expect(parseHook("embeddings")).toBeNull();
});
