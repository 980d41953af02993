import { afterEach, expect, test, vi } from "vitest";
import type { Place } from "../shell/place";
import { keep, saidOf } from "./notes";

const PLACE = { study: "s", sae: "main", v: "abc" } as Place;
const name = (text: string, rule: string) => ({ text, confidence: 1, by: rule === "own" ? "a person" : "rule", rule });

afterEach(() => void vi.unstubAllGlobals());

test("what a person says of a feature is the own name, never that of a rule, and the note", () => {
  expect(saidOf({ name: name("the bridge", "own"), note: "in fog" })).toEqual({ name: "the bridge", text: "in fog" });
  expect(saidOf({ name: name("token 'bridge'", "token"), note: "" })).toEqual({ name: "", text: "" });
  expect(saidOf({ name: null, note: "odd" })).toEqual({ name: "", text: "odd" });
});

test("what is said is put in its place, with the version that the page has seen", async () => {
  const asked: [string, RequestInit][] = [];
  vi.stubGlobal("fetch", async (url: string, init: RequestInit) => {
    asked.push([url, init]);
    return new Response(JSON.stringify({ name: "x", text: "", version: "def" }));
  });
  expect(await keep(PLACE, 42, { name: " x", text: "" })).toMatchObject({ name: "x", text: "" });
  const [[url, init]] = asked as [[string, RequestInit]];
  expect([url, init.method, init.body]).toEqual(["/api/v1/studies/s/saes/main/features/42/note?v=abc", "PUT", '{"name":" x","text":""}']);
});

test("a note that was refused says why", async () => {
  const body = { error: { type: "changed", message: "something else was noted", advice: "load it again" } };
  vi.stubGlobal("fetch", async () => new Response(JSON.stringify(body), { status: 409 }));
  await expect(keep(PLACE, 42, { name: "x", text: "" })).rejects.toMatchObject({ type: "changed", message: "something else was noted" });
});
