// Where examples come from, as facets: their sources and the tags of their documents.
import type { Example } from "../api/records";

export interface Facet {
  key: string;
  /** What it is called on the page. */
  text: string;
  count: number;
}

/** `world:first_slice` and `texts/w1.jsonl.gz` without what only machines need. */
export function sourceName(source: string): string {
  const file = source.split("/").at(-1) ?? source;
  return file.replace(/\.(jsonl|json|txt|parquet|csv)(\.(gz|zst|xz))?$/, "").replace(/^world:/, "");
}

export function keysOf(example: Example): [string, string][] {
  const tags = example.tags.map(({ name, value }): [string, string] => [`${name}=${value}`, `${name}: ${value}`]);
  return [[`source=${example.source}`, sourceName(example.source)], ...tags];
}

/** Examples, each place in a document once, the first of each in order. */
export function distinct(examples: readonly Example[]): Example[] {
  const found = new Map<string, Example>();
  for (const example of examples) {
    const key = `${example.document}.${example.position}`;
    if (!found.has(key)) found.set(key, example);
  }
  return [...found.values()];
}

/** Facets that tell examples apart, most common first: not those that all have. */
export function facets(examples: readonly Example[], most = 6): Facet[] {
  const found = new Map<string, Facet>();
  for (const example of examples) {
    for (const [key, text] of keysOf(example)) {
      const facet = found.get(key) ?? { key, text, count: 0 };
      facet.count += 1;
      found.set(key, facet);
    }
  }
  return [...found.values()]
    .filter(({ count }) => count < examples.length)
    .sort((a, b) => b.count - a.count)
    .slice(0, most);
}

export function has(example: Example, key: string | null): boolean {
  return key === null || keysOf(example).some(([own]) => own === key);
}
