// What the client asks: a server, or the files of a static export.

/** What answers requests. `path` begins with a slash and is complete but for the query. */
export interface Source {
  get(path: string, query: string, signal: AbortSignal | undefined): Promise<unknown>;
  post(path: string, body: unknown, signal: AbortSignal | undefined): Promise<unknown>;
  put(path: string, query: string, body: unknown, signal: AbortSignal | undefined): Promise<unknown>;
  /** Numbers of the features of an SAE that are there, ascending; null, as without it, for all. */
  numbers?(study: string, sae: string): Promise<readonly number[] | null>;
}
