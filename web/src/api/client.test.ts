import { afterEach, describe, expect, test, vi } from "vitest";
import { Client, fill, HttpSource, queryString } from "./client";
import type { Source } from "./source";
import { ApiError } from "./errors";

class Answers implements Source {
  asked: string[] = [];
  constructor(private readonly answer: () => unknown) {}
  async get(path: string, query: string): Promise<unknown> {
    this.asked.push(`${path}?${query}`);
    return this.answer();
  }
  async post(path: string): Promise<unknown> {
    this.asked.push(path);
    return this.answer();
  }
  async put(path: string, query: string): Promise<unknown> {
    return this.get(path, query);
  }
}

const RELATIONS = "/api/v1/studies/{study}/saes/{sae}/features/{number}/relations";

test("paths and queries are escaped, and what is not given is left out", () => {
  expect(fill("/s/{study}/f/{number}", { study: "a b/c", number: 7 })).toBe("/s/a%20b%2Fc/f/7");
  expect(queryString({ q: "a&b", limit: 3, v: null, sort: undefined, dead: false })).toBe("q=a%26b&limit=3&dead=false");
});

describe("answers", () => {
  test("that name their version are asked for once", async () => {
    const source = new Answers(() => ({ number: 1 }));
    const client = new Client(source);
    const ask = (v: string) => client.ask(RELATIONS, { study: "s", sae: "m", number: 1 }, { v });
    expect(await ask("x")).toBe(await ask("x"));
    await ask("y");
    expect(source.asked).toHaveLength(2);
  });

  test("without a version are asked for again, and are the same object where nothing changed", async () => {
    let n = 0;
    const source = new Answers(() => ({ studies: [n] }));
    const client = new Client(source);
    const ask = () => client.ask("/api/v1/studies", {}, {});
    const first = await ask();
    expect(await ask()).toBe(first);
    n = 1;
    expect(await ask()).not.toBe(first);
    expect(source.asked).toHaveLength(3);
  });
});

describe("over HTTP", () => {
  afterEach(() => vi.unstubAllGlobals());
  const failing = async (respond: () => Promise<Response>) => {
    vi.stubGlobal("fetch", respond);
    return new HttpSource().get("/x", "", undefined).catch((error: unknown) => error);
  };

  test("an error is what the body says", async () => {
    const body = { error: { type: "not_found", message: "no such feature", advice: "try 0 to 63" } };
    const error = await failing(async () => new Response(JSON.stringify(body), { status: 404 }));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({ type: "not_found", message: "no such feature", advice: "try 0 to 63" });
  });

  test("a server that is gone, or that is another program, is told so", async () => {
    expect(await failing(async () => Promise.reject(new TypeError("failed")))).toMatchObject({ type: "unreachable" });
    expect(await failing(async () => new Response("<html>", { status: 502 }))).toMatchObject({ type: "unreadable" });
    expect(await failing(async () => new Response("<html>"))).toMatchObject({ type: "unreadable" });
  });

  test("a request that was given up stays one", async () => {
    expect(await failing(async () => Promise.reject(new DOMException("", "AbortError")))).toMatchObject({ name: "AbortError" });
  });
});
