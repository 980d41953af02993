import { afterEach, expect, test, vi } from "vitest";
import type { Place } from "../shell/place";
import { beginnings, context } from "./features";

const PLACE = { study: "s", sae: "main", v: null } as Place;
const example = (position: number) => ({ document: 3, position, source: "a", tags: [], tokens: ["a"], activations: [0], peak: 0 });

afterEach(() => void vi.unstubAllGlobals());

function answers(body: unknown): URL[] {
  const asked: URL[] = [];
  vi.stubGlobal("fetch", async (url: string) => {
    asked.push(new URL(url, "http://localhost"));
    return new Response(JSON.stringify(body));
  });
  return asked;
}

test("the text around a firing is asked for by its place", async () => {
  const asked = answers(example(7));
  expect(await context(PLACE, 42, { document: 3, position: 7 }, 64)).toEqual(example(7));
  expect(asked.map(({ pathname, search }) => pathname + search)).toEqual([
    "/api/v1/studies/s/saes/main/features/42/context?document=3&position=7&before=64&after=64",
  ]);
});

test("the text around a silent example is found among these, told as widely as asked", async () => {
  const asked = answers({ feature: 42, group: "silent", examples: [example(6), example(7)] });
  expect(await context(PLACE, 42, { document: 3, position: 7, silent: true }, 256)).toEqual(example(7));
  expect(asked.map(({ pathname, search }) => pathname + search)).toEqual([
    "/api/v1/studies/s/saes/main/features/42/examples?group=silent&limit=5&before=256&after=256",
  ]);
  await expect(context(PLACE, 42, { document: 3, position: 8, silent: true }, 256)).rejects.toMatchObject({ type: "not_found" });
});

test("features to begin with are one request", async () => {
  const first = { feature: { number: 3 }, tag: "fox", f1: 0.5 };
  const asked = answers({ features: [first], version: "a", coverage: null });
  expect(await beginnings({ ...PLACE, v: "a" } as Place, new AbortController().signal, 6)).toEqual([first]);
  expect(asked.map(({ pathname, search }) => pathname + search)).toEqual(["/api/v1/studies/s/saes/main/beginnings?v=a&limit=6"]);
});
