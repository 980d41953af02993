import { afterEach, describe, expect, test, vi } from "vitest";
import { BusyError, chat, type ChatChunk, refusal } from "./chat";

const BODY = { model: "s/main", messages: [{ role: "user", content: "Who are you?" }] };
const piece = (content: string) => `data: ${JSON.stringify({ id: "x", choices: [{ delta: { content }, finish_reason: null }] })}\n\n`;

afterEach(() => vi.unstubAllGlobals());

async function asked(respond: (init: RequestInit) => Promise<Response>): Promise<{ pieces: ChatChunk[]; error: unknown }> {
  vi.stubGlobal("fetch", (_: string, init: RequestInit) => respond(init));
  const pieces: ChatChunk[] = [];
  try {
    for await (const one of chat(BODY, new AbortController().signal)) pieces.push(one);
  } catch (error) {
    return { pieces, error };
  }
  return { pieces, error: null };
}

describe("a chat", () => {
  test("is asked for as a stream and comes in pieces", async () => {
    let sent: unknown;
    const { pieces, error } = await asked(async (init) => {
      sent = JSON.parse(init.body as string);
      return new Response(`${piece("I")}${piece(" am")}data: [DONE]\n\n`);
    });
    expect(sent).toEqual({ ...BODY, stream: true });
    expect(pieces.map(({ choices }) => choices[0]?.delta.content)).toEqual(["I", " am"]);
    expect(error).toBeNull();
  });

  test("that fails on the way keeps what came, and says why", async () => {
    const failed = `data: ${JSON.stringify({ error: { message: "the model worked for more than 120 s", code: "late" } })}\n\n`;
    const { pieces, error } = await asked(async () => new Response(piece("I") + failed + "data: [DONE]\n\n"));
    expect(pieces).toHaveLength(1);
    expect(error).toMatchObject({ type: "late", message: "the model worked for more than 120 s" });
    expect((await asked(async () => new Response(piece("I")))).error).toMatchObject({ message: expect.stringContaining("broke off") });
  });

  test("that waits for nobody is told as a wait in seconds", async () => {
    const body = { error: { message: "8 requests wait for the model already; ask again in 7 s", code: "busy" } };
    const { error } = await asked(async () => new Response(JSON.stringify(body), { status: 429, headers: { "Retry-After": "7" } }));
    expect(error).toBeInstanceOf(BusyError);
    expect(error).toMatchObject({ type: "busy", seconds: 7, message: "8 requests wait for the model already" });
  });

  test("of a server that is gone, or that is another program, is told so", async () => {
    expect((await asked(async () => Promise.reject(new TypeError("failed")))).error).toMatchObject({ type: "unreachable" });
    expect(refusal(502, null, null)).toMatchObject({ type: "unreadable" });
    expect(refusal(429, "soon", null)).toMatchObject({ seconds: 5 });
  });

  test("that is given up stays so", async () => {
    expect((await asked(async () => Promise.reject(new DOMException("", "AbortError")))).error).toMatchObject({ name: "AbortError" });
  });
});
