// The only door to the API: typed by path, abortable, one error shape.
//
// Pages call `ask`, `send` and `put` with a path of OpenAPI; what comes back is typed by it. The paths are filled and sent by a
// `Source`: here a server, in a static export files of the same names.
import { ApiError, isAborted, problemOf } from "./errors";
import type { Source } from "./source";
import type { paths } from "./types";

type Method = "get" | "post" | "put";
type Methods<M extends Method> = {
  [P in keyof paths]: paths[P] extends { [K in M]: { responses: unknown } } ? P : never;
}[keyof paths];
type Operation<P extends keyof paths, M extends Method> = M extends keyof paths[P] ? paths[P][M] : never;
type Parameters<O> = O extends { parameters: infer A } ? A : never;
type PathOf<O> = Parameters<O> extends { path: infer A } ? Given<A> : Record<never, never>;
type Given<A> = [A] extends [never] ? Record<never, never> : A;
type QueryOf<O> = Parameters<O> extends { query?: infer A } ? Given<Exclude<A, undefined>> : Record<never, never>;
type BodyOf<O> = O extends { requestBody: { content: { "application/json": infer B } } } ? B : never;
type AnswerOf<O> = O extends { responses: { 200: { content: { "application/json": infer R } } } } ? R : never;

export type Answer<P extends Methods<"get">> = AnswerOf<Operation<P, "get">>;

/** `/api/v1/studies/{study}` with its names filled in. */
export function fill(path: string, names: Record<string, string | number>): string {
  return path.replace(/\{(\w+)\}/g, (_, key: string) => encodeURIComponent(String(names[key])));
}

/** A query string in the order given; what is null or undefined is left out. */
export function queryString(query: Record<string, unknown>): string {
  const parts = Object.entries(query)
    .filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([key, value]) => [key, String(value)]);
  return new URLSearchParams(parts).toString();
}

export class HttpSource implements Source {
  constructor(private readonly base = "") {}

  get(path: string, query: string, signal: AbortSignal | undefined): Promise<unknown> {
    return this.fetch(query ? `${path}?${query}` : path, { signal: signal ?? null });
  }

  post(path: string, body: unknown, signal: AbortSignal | undefined): Promise<unknown> {
    return this.send("POST", path, body, signal);
  }

  put(path: string, query: string, body: unknown, signal: AbortSignal | undefined): Promise<unknown> {
    return this.send("PUT", query ? `${path}?${query}` : path, body, signal);
  }

  private send(method: string, url: string, body: unknown, signal: AbortSignal | undefined): Promise<unknown> {
    const headers = { "Content-Type": "application/json" };
    return this.fetch(url, { method, body: JSON.stringify(body), headers, signal: signal ?? null });
  }

  private async fetch(url: string, init: RequestInit): Promise<unknown> {
    let response: Response;
    try {
      response = await fetch(this.base + url, init);
    } catch (error) {
      if (isAborted(error)) throw error;
      throw new ApiError("unreachable", "the server does not answer", "start it again with: monosema serve STUDY");
    }
    const body = await response.json().catch((error: unknown) => {
      if (isAborted(error)) throw error;
      return null;
    });
    if (!response.ok) throw problemOf(response.status, body);
    if (body === null) throw new ApiError("unreadable", "the answer of the server cannot be read");
    return body;
  }
}

const KEPT = 300;

/**
 * Asks a source, and keeps the answers that can never change: those that name the version they are of. Of the others the
 * last one is kept to give the same object again where nothing changed, so that pages which look again stay still.
 */
export class Client {
  private readonly kept = new Map<string, unknown>();
  private readonly last = new Map<string, { text: string; answer: unknown }>();

  constructor(private readonly source: Source) {}

  async ask<P extends Methods<"get">>(
    path: P,
    names: PathOf<Operation<P, "get">>,
    query: QueryOf<Operation<P, "get">>,
    signal?: AbortSignal,
  ): Promise<Answer<P>> {
    const filled = fill(path, names as Record<string, string | number>);
    const tail = queryString(query as Record<string, unknown>);
    const key = `${filled}?${tail}`;
    const known = this.kept.get(key);
    if (known !== undefined) return known as Answer<P>;
    const answer = (await this.source.get(filled, tail, signal)) as Answer<P>;
    if ((query as { v?: string | null }).v) {
      put(this.kept, key, answer);
      return answer;
    }
    const text = JSON.stringify(answer);
    const before = this.last.get(key);
    if (before?.text === text) return before.answer as Answer<P>;
    put(this.last, key, { text, answer });
    return answer;
  }

  async send<P extends Methods<"post">>(
    path: P,
    names: PathOf<Operation<P, "post">>,
    body: BodyOf<Operation<P, "post">>,
    signal?: AbortSignal,
  ): Promise<AnswerOf<Operation<P, "post">>> {
    const filled = fill(path, names as Record<string, string | number>);
    return (await this.source.post(filled, body, signal)) as AnswerOf<Operation<P, "post">>;
  }

  /** Puts something in the place of what was there. */
  async put<P extends Methods<"put">>(
    path: P,
    names: PathOf<Operation<P, "put">>,
    query: QueryOf<Operation<P, "put">>,
    body: BodyOf<Operation<P, "put">>,
    signal?: AbortSignal,
  ): Promise<AnswerOf<Operation<P, "put">>> {
    const filled = fill(path, names as Record<string, string | number>);
    const tail = queryString(query as Record<string, unknown>);
    return (await this.source.put(filled, tail, body, signal)) as AnswerOf<Operation<P, "put">>;
  }

  /** The features that can be shown, ascending; null for all of the SAE. A static site may have a part of them. */
  async numbers(study: string, sae: string): Promise<readonly number[] | null> {
    return (await this.source.numbers?.(study, sae)) ?? null;
  }
}

/** Adds to a map of at most `KEPT`; the oldest goes. */
function put<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > KEPT) map.delete(map.keys().next().value!);
}

/** Answers from files beside the pages; how is only loaded where there are such. */
class FileSource implements Source {
  private readonly source: Promise<Source>;
  constructor(base: string) {
    this.source = import("./static").then(({ StaticSource }) => new StaticSource(base));
  }
  async get(path: string, query: string, signal: AbortSignal | undefined): Promise<unknown> {
    return (await this.source).get(path, query, signal);
  }
  async post(path: string, body: unknown, signal: AbortSignal | undefined): Promise<unknown> {
    return (await this.source).post(path, body, signal);
  }
  async put(path: string, query: string, body: unknown, signal: AbortSignal | undefined): Promise<unknown> {
    return (await this.source).put(path, query, body, signal);
  }
  async numbers(study: string, sae: string): Promise<readonly number[] | null> {
    return (await this.source).numbers!(study, sae);
  }
}

/** Where the answers lie beside the pages of a static site (`monosema export`); null on a server. */
function folderOfSite(): string | null {
  if (typeof document === "undefined") return null;
  return document.querySelector<HTMLMetaElement>('meta[name="monosema-site"]')?.content ?? null;
}

const site = folderOfSite();
/** Whether there is a server with the model: in a static site all that needs one is not offered. */
export const live = site === null;
export const client = new Client(site === null ? new HttpSource() : new FileSource(site));
