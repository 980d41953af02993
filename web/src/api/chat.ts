// Chats that are answered piece by piece over the OpenAI-compatible route.
import { eventsOf } from "../lib/sse";
import { ApiError, isAborted, type Trouble } from "./errors";
import type { components } from "./types";

type Schemas = components["schemas"];

export type ChatRequest = Schemas["ChatRequest"];
export type ChatChunk = Schemas["ChatChunk"];
export type ChatTurn = Schemas["ChatTurn"];
export type Steer = Schemas["Steer"];
export type Firing = Schemas["Firing"];

export const CHAT = "/v1/chat/completions";
export const MODELS = "/v1/models";

/** Too many wait for the model. */
export class BusyError extends ApiError {
  constructor(
    message: string,
    /** Seconds after which to ask again. */
    readonly seconds: number,
  ) {
    super("busy", message);
  }
}

/** Asks, and gives the pieces of the answer as they come. Throws `ApiError`, `BusyError`, and what an abort throws. */
export async function* chat(body: ChatRequest, signal: AbortSignal): AsyncGenerator<ChatChunk> {
  const init = { method: "POST", body: JSON.stringify({ ...body, stream: true }), headers: { "Content-Type": "application/json" }, signal };
  let response: Response;
  try {
    response = await fetch(CHAT, init);
  } catch (error) {
    if (isAborted(error)) throw error;
    throw new ApiError("unreachable", "the server does not answer", "start it again with: monosema serve STUDY");
  }
  if (!response.ok || !response.body) {
    throw refusal(response.status, response.headers.get("retry-after"), await response.json().catch(() => null));
  }
  try {
    for await (const data of eventsOf(response.body)) {
      if (data === "[DONE]") return;
      const piece = JSON.parse(data) as ChatChunk | { error: unknown };
      if ("error" in piece) throw refusal(response.status, null, piece);
      yield piece;
    }
  } catch (error) {
    if (isAborted(error) || error instanceof ApiError) throw error;
    throw new ApiError("unreachable", "the connection to the server was lost");
  }
  throw new ApiError("unreachable", "the answer broke off: the server may have been stopped");
}

/** The error of an answer in OpenAI's shape, whose `code` is our own type of error. */
export function refusal(status: number, retryAfter: string | null, body: unknown): ApiError {
  const problem = (body as { error?: { message?: unknown; code?: unknown } } | null)?.error;
  const message = typeof problem?.message === "string" ? problem.message : `the server answered ${status} with something that is no answer of Monosema`;
  const wait = Number.parseInt(retryAfter ?? "", 10);
  // A busy server tells in the message, too, when to ask again; the page counts that down.
  if (status === 429) return new BusyError(message.replace(/; ask again.*$/, ""), Number.isFinite(wait) ? Math.max(0, wait) : 5);
  return new ApiError(typeof problem?.code === "string" ? (problem.code as Trouble) : "unreadable", message);
}
