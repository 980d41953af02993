// Addresses of the app, all behind the #: `#/STUDY/SAE/PAGE/ITEM?key=value`. The same links work on the server and on
// any static host.

export interface Route {
  study: string | null;
  sae: string | null;
  /** Id of a page in the table of pages; "home" where none is named. */
  page: string;
  /** What of the page, such as the number of a feature. */
  item: string | null;
  query: URLSearchParams;
}

/** Reads a hash; anything is a route, and pages say what is wrong with it. */
export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = split(hash.replace(/^#/, ""), "?");
  const [study = null, sae = null, page = "home", item = null] = path.split("/").filter(Boolean).map(decode);
  return { study, sae, page, item, query: new URLSearchParams(query) };
}

export type Query = Record<string, string | number | readonly string[] | null | undefined>;

/** A link to a place; keys without a value are left out. */
export function href(study: string, sae?: string | null, page = "home", item?: string | number | null, query: Query = {}): string {
  const parts = [study, sae, ...(page === "home" ? [] : [page, item])];
  const path = parts.filter((part) => part !== null && part !== undefined && part !== "").map((part) => encodeURIComponent(part!));
  const tail = searchOf(query).toString();
  return `#/${path.join("/")}${tail ? `?${tail}` : ""}`;
}

/** Query parameters in the order given; lists become repeated keys. */
export function searchOf(query: Query): URLSearchParams {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (Array.isArray(value)) value.forEach((one: string) => params.append(key, one));
    else if (value !== null && value !== undefined && value !== "") params.set(key, String(value));
  }
  return params;
}

/** `query` with some keys changed; null takes a key away, a list takes the place of all of a key. */
export function changedQuery(query: URLSearchParams, changes: Query): URLSearchParams {
  const next = new URLSearchParams(query);
  for (const key of Object.keys(changes)) next.delete(key);
  for (const [key, value] of searchOf(changes)) next.append(key, value);
  return next;
}

function split(text: string, at: string): [string, string] {
  const place = text.indexOf(at);
  return place < 0 ? [text, ""] : [text.slice(0, place), text.slice(place + 1)];
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
