import { describe, expect, test } from "vitest";
import { eventsOf } from "./sse";

const bytes = new TextEncoder();

function streamOf(chunks: (string | Uint8Array)[], oncancel: () => void = () => undefined): ReadableStream<Uint8Array> {
  const left = [...chunks];
  return new ReadableStream({
    pull(controller) {
      const next = left.shift();
      if (next === undefined) controller.close();
      else controller.enqueue(typeof next === "string" ? bytes.encode(next) : next);
    },
    cancel: oncancel,
  });
}

async function all(chunks: (string | Uint8Array)[]): Promise<string[]> {
  const found: string[] = [];
  for await (const one of eventsOf(streamOf(chunks))) found.push(one);
  return found;
}

describe("events", () => {
  test("are what stands between empty lines, without comments and other fields", async () => {
    expect(await all(["data: a\n\n: a comment\nid: 3\ndata:b\ndata: c\n\n", "event: x\n\ndata: d\n\n"])).toEqual(["a", "b\nc", "d"]);
  });

  test("are the same wherever the chunks are cut, within characters and line ends, too", async () => {
    const whole = bytes.encode('data: {"a": "é🌉"}\r\n\r\ndata: [DONE]\r\n\r\n');
    for (let cut = 0; cut <= whole.length; cut++) {
      expect(await all([whole.slice(0, cut), whole.slice(cut)])).toEqual(['{"a": "é🌉"}', "[DONE]"]);
    }
  });

  test("that the end cuts off are none", async () => {
    expect(await all(["data: a\n\ndata: b"])).toEqual(["a"]);
    expect(await all([])).toEqual([]);
  });

  test("that nobody reads any more are given up", async () => {
    let cancelled = false;
    for await (const one of eventsOf(streamOf(["data: a\n\n", "data: b\n\n"], () => (cancelled = true)))) {
      expect(one).toBe("a");
      break;
    }
    expect(cancelled).toBe(true);
  });
});
