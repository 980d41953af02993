import { afterEach, expect, test, vi } from "vitest";
import { isLocked } from "./locked";

afterEach(() => void vi.unstubAllGlobals());

const answers = (answer: () => Promise<Response>) => {
  const fetch = vi.fn(answer);
  vi.stubGlobal("fetch", fetch);
  return fetch;
};

test("a server that refuses a stranger is locked, and is asked as one", async () => {
  const fetch = answers(async () => new Response("{}", { status: 401 }));
  expect(await isLocked()).toBe(true);
  expect(fetch).toHaveBeenCalledWith("/v1/models", { credentials: "omit", cache: "no-store" });
});

test("a server that answers anybody is not, nor is one that does not answer", async () => {
  answers(async () => new Response("{}"));
  expect(await isLocked()).toBe(false);
  answers(async () => Promise.reject(new TypeError("failed to fetch")));
  expect(await isLocked()).toBe(false);
});
