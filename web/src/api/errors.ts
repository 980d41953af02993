// One shape for whatever goes wrong between a page and what it asks.
import type { Problem } from "./records";

export type Trouble = Problem["type"] | "unreachable" | "unreadable";

export class ApiError extends Error {
  constructor(
    readonly type: Trouble,
    message: string,
    readonly advice: string | null = null,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

/** Whether a request was given up because something newer took its place. */
export function isAborted(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

/** Any failure as one that can be shown. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError("unreadable", error instanceof Error ? error.message : String(error));
}

/** The error that an answer's body tells, or the best that can be said where the body is none of ours. */
export function problemOf(status: number, body: unknown): ApiError {
  const problem = (body as { error?: Partial<Problem> } | null)?.error;
  if (problem && typeof problem.type === "string" && typeof problem.message === "string") {
    return new ApiError(problem.type, problem.message, problem.advice ?? null);
  }
  return new ApiError("unreadable", `the server answered ${status} with something that is no answer of Monosema`);
}
