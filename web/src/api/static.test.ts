import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Client } from "./client";
import type { RecordShard } from "./shards";
import { context, example, placeOf, shardOf, type Packed, type SiteSAE } from "./shards";
import { StaticSource } from "./static";

const SAE = "/api/v1/studies/{study}/saes/{sae}";
const NAMES = { study: "a b", sae: "m" };
const COVERAGE = { finished: true, positions: 100, expected: 100 };
const TEXTS = { texts: ["the", " old", " fox"], about: ["library", "kind", "tale"] };
// At position 1 of document 7: the peak is the second token, it fires there and two tokens later.
const FOX: Packed = [7, 1, 0, [[1, 2]], [0, 1, 2], [0, 4, 2, 1.5]];

const lean = (number: number, density: number) => ({
  number, density, name: { text: `n${number}`, confidence: 1, by: "rule", rule: "token" }, count: Math.round(density * 100), mean: 1, maximum: 4,
  by_rule: null, note: number === 6 ? "seen twice" : "", tokens: [], promoted: [], suppressed: [], neighbours: [], tags: [], histogram: [1, 2], example: density ? FOX : null,
});
const records = (...features: ReturnType<typeof lean>[]): RecordShard => ({ ...TEXTS, coverage: COVERAGE, edges: [0, 1, 2], features });

const SITE = {
  format: 1, monosema: "0", study: "a b", records: 2, examples: 2, tags: 16,
  saes: { m: { folder: "saes/0", version: "v1", d_sae: 9, features: [1, 4, 6], documents: [0, 5] } },
  files: {
    "/api/v1/studies": "answers/0.json",
    "/api/v1/studies/a b/saes/m": "answers/1.json",
    "/api/v1/studies/a b/saes/m/concepts": "answers/2.json",
    "/api/v1/studies/a b/saes/m/distribution?statistic=mean": "answers/3.json",
  },
};
const FILES: Record<string, unknown> = {
  "site.json": SITE,
  "answers/0.json": { studies: [] },
  "answers/1.json": { index: { ...COVERAGE, tags: 1 } },
  "answers/2.json": { concepts: [{ tag: "fox", positions: 3 }], coverage: COVERAGE },
  "answers/3.json": { statistic: "mean" },
  "saes/0/records/0.json": records(lean(1, 0.5), lean(4, 0)),
  "saes/0/records/1.json": records(lean(6, 0.1)),
  "saes/0/examples/0.json": {
    ...TEXTS,
    figures: { features: 2 },
    features: [
      { number: 1, groups: { top: [FOX, FOX], silent: [FOX] }, firings: { edges: [0, 4], counts: [2], silent: null, tokens: [], all_tokens: 0 }, relations: { coactive: [], neurons: [], coordinates: [] } },
      { number: 4, groups: {}, firings: { edges: [0], counts: [], silent: null, tokens: [], all_tokens: 0 }, unrelated: "feature 4 was not measured" },
    ],
  },
  "saes/0/columns.json": { density: [0.5, 0, 0.1], count: [50, 0, 10], mean: [1, 0, 1], maximum: [4, 0, 4] },
  "saes/0/words.json": { names: ["fox", "", "foxes and bears"], fires: ["", "", ""], promotes: ["", "", ""], tags: ["", "", ""] },
  "saes/0/tags/0.json": { fox: [[6, 0.9, "precision 1"], [1, 0.2, "precision .1"]] },
  "saes/0/documents/1.json": { 7: { from: 0, tokens: ["the", " old", " fox", " runs", null, " on"] } },
};

let asked: string[] = [];
let client: Client;
beforeEach(() => {
  asked = [];
  client = new Client(new StaticSource("data/"));
  vi.stubGlobal("fetch", async (url: string) => {
    asked.push(url);
    const found = FILES[url.replace(/^data\//, "")];
    return found === undefined ? new Response("", { status: 404 }) : new Response(JSON.stringify(found));
  });
});
afterEach(() => vi.unstubAllGlobals());

test("answers that are files by themselves are given as they are", async () => {
  expect(await client.ask("/api/v1/studies", {}, {})).toEqual({ studies: [] });
  expect(await client.ask(`${SAE}/distribution`, NAMES, { v: "v1", statistic: "mean" })).toEqual({ statistic: "mean" });
});

test("a record has what all have in common, too", async () => {
  const found = await client.ask(`${SAE}/features/{number}`, { ...NAMES, number: 6 }, { v: "v1" });
  expect(found).toMatchObject({ number: 6, density: 0.1, histogram: { edges: [0, 1, 2], counts: [1, 2] }, coverage: COVERAGE });
  expect(found).not.toHaveProperty("example");
});

test("files are asked for once", async () => {
  await Promise.all([1, 4, 6].map((number) => client.ask(`${SAE}/features/{number}`, { ...NAMES, number }, {})));
  expect(asked.toSorted()).toEqual(["data/saes/0/records/0.json", "data/saes/0/records/1.json", "data/site.json"]);
});

test("examples are put together from texts and activations", async () => {
  const { examples, maximum } = await client.ask(`${SAE}/features/{number}/examples`, { ...NAMES, number: 1 }, { group: "top", limit: 20 });
  expect(maximum).toBe(4);
  expect(examples).toHaveLength(2);
  expect(examples[0]).toEqual({
    document: 7, position: 1, source: "library", tags: [{ name: "kind", value: "tale" }], peak: 1,
    tokens: ["the", " old", " fox"], activations: [0, 4, 0],
  });
  const one = await client.ask(`${SAE}/features/{number}/examples`, { ...NAMES, number: 1 }, { limit: 1 });
  expect(one.examples).toEqual([examples[0]]);
});

test("the text around an example reaches as far as the site has it", async () => {
  const ask = (query: { document: number; position: number; before?: number; after?: number }) =>
    client.ask(`${SAE}/features/{number}/context`, { ...NAMES, number: 1 }, query);
  expect(await ask({ document: 7, position: 1, before: 200, after: 200 })).toMatchObject({
    tokens: ["the", " old", " fox", " runs", "", " on"], activations: [0, 4, 0, 1.5, 0, 0], peak: 1,
  });
  expect(await ask({ document: 7, position: 1, before: 0, after: 1 })).toMatchObject({ tokens: [" old", " fox"], peak: 0 });
  await expect(ask({ document: 7, position: 2 })).rejects.toMatchObject({ type: "not_found" });
});

test("lists are sorted, filtered and cut as on a server", async () => {
  const list = (query: Record<string, unknown>) => client.ask(`${SAE}/features`, NAMES, query);
  const all = await list({ sort: "density", order: "down", limit: 2 });
  expect([all.features.map(({ number }) => number), all.total, all.version]).toEqual([[1, 6], 3, "v1"]);
  const rest = await list({ sort: "density", order: "down", limit: 2, cursor: all.next });
  expect([rest.features.map(({ number }) => number), rest.next]).toEqual([[4], null]);
  expect((await list({ min_density: 0.05, max_density: 0.2 })).features.map(({ number }) => number)).toEqual([6]);
  expect((await list({ dead: true })).features.map(({ number }) => number)).toEqual([4]);
});

test("words and tags find, within bounds", async () => {
  const find = async (body: Record<string, unknown>) =>
    (await client.send(`${SAE}/find`, NAMES, { off: [], n: 10, ...body })).candidates.map(({ feature }) => feature.number);
  expect(await find({ text: "fox" })).toEqual([1, 6]);
  expect(await find({ tag: "fox", n: 1 })).toEqual([6]);
  expect(await find({ tag: "fox", where: { density: { low: 0.3, high: null } } })).toEqual([1]);
  await expect(find({ tag: "bear" })).rejects.toMatchObject({ type: "invalid" });
  await expect(find({ like: "animals" })).rejects.toMatchObject({ advice: expect.stringContaining("monosema serve") });
});

test("features to begin with are the best of tags among those that are there, then the strongest", async () => {
  const begin = async (limit = 8) =>
    (await client.ask(`${SAE}/beginnings`, NAMES, { limit })).features.map(({ feature, tag, f1 }) => [feature.number, tag, f1]);
  expect(await begin()).toEqual([[6, "fox", 0.9], [1, null, null]]);
  expect(await begin(1)).toEqual([[6, "fox", 0.9]]);
});

test("what a person says of a feature is there, and cannot be changed", async () => {
  const found = await client.ask(`${SAE}/features/{number}`, { ...NAMES, number: 6 }, {});
  expect(found).toMatchObject({ note: "seen twice", by_rule: null });
  const put = client.put(`${SAE}/features/{number}/note`, { ...NAMES, number: 6 }, {}, { name: "x", text: "" });
  await expect(put).rejects.toMatchObject({ message: expect.stringContaining("the study itself is needed") });
});

test("cards, firings and relations are there; what was not measured says so", async () => {
  const { features } = await client.ask(`${SAE}/cards`, NAMES, { numbers: "6,5,1" });
  expect(features.map(({ number, example }) => [number, example?.document])).toEqual([[6, 7], [1, 7]]);
  expect(await client.ask(`${SAE}/features/{number}/firings`, { ...NAMES, number: 1 }, {})).toMatchObject({ counts: [2], coverage: COVERAGE });
  const relations = (number: number) => client.ask(`${SAE}/features/{number}/relations`, { ...NAMES, number }, {});
  expect(await relations(1)).toMatchObject({ number: 1, figures: { features: 2 } });
  await expect(relations(4)).rejects.toMatchObject({ type: "not_found", message: "feature 4 was not measured" });
});

test("the numbers that are there are told, so that one can walk along them", async () => {
  expect(await client.numbers("a b", "m")).toEqual([1, 4, 6]);
  expect(await client.numbers("other", "m")).toBeNull();
});

test("what is not in the site says how many are, and what needs the model says so", async () => {
  await expect(client.ask(`${SAE}/features/{number}`, { ...NAMES, number: 5 }, {})).rejects.toMatchObject({ message: expect.stringContaining("holds 3 of 9") });
  await expect(client.send(`${SAE}/prompt`, NAMES, { text: "x", features: [], top: 0 })).rejects.toMatchObject({ message: expect.stringContaining("model") });
  delete FILES["saes/0/tags/0.json"];
  await expect(client.send(`${SAE}/find`, NAMES, { tag: "fox", off: [], n: 1 })).rejects.toMatchObject({ type: "unreadable" });
});

test("numbers are found among those of a site, documents among the first ones of shards", () => {
  const some = (features: number[] | null) => ({ features, d_sae: 9 }) as SiteSAE;
  expect([0, 1, 4, 5, 6, 7].map((number) => placeOf(some([1, 4, 6]), number))).toEqual([-1, 0, 1, -1, 2, -1]);
  expect([0, 8, 9].map((number) => placeOf(some(null), number))).toEqual([0, 8, -1]);
  expect([0, 4, 5, 99].map((document) => shardOf([0, 5], document))).toEqual([0, 0, 1, 1]);
});

test("an example at the end of its text has no activations beyond it", () => {
  expect(example([0, 30, 0, [], [0, 1], [0, 1, 20, 9, -40, 3]], TEXTS).activations).toEqual([0, 0]);
  expect(context([3, 2, 0, [], [], [0, 1]], TEXTS, { 3: { from: 1, tokens: ["b", "c"] } }, 5, 5)).toMatchObject({ tokens: ["b", "c"], activations: [0, 1] });
});
