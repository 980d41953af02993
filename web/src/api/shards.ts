// What the files of a static site hold, and how the answers of the server are made of them again.
//
// The site is written by monosema.server.export: see there how it is packed, and why.
import type { Example, Examples, FeatureCard, FeatureRecord, FeatureRow } from "./records";
import type { components } from "./types";

type Schemas = components["schemas"];
type Coverage = Schemas["Coverage"];
export type Firings = Schemas["Firings"];
type Elsewhere = Schemas["Elsewhere"];
type Relations = Schemas["Relations"];

/** document, position, source, tags, tokens, then offset and activation by turns. */
export type Packed = [number, number, number, [number, number][], number[], number[]];

export interface Site {
  format: number;
  study: string;
  /** Features of a shard of records and of examples; tags of a shard of tags. */
  records: number;
  examples: number;
  tags: number;
  saes: Record<string, SiteSAE>;
  /** Files of the answers that are there whole, by their paths. */
  files: Record<string, string>;
}

export interface SiteSAE {
  folder: string;
  version: string;
  d_sae: number;
  /** The features that are there, ascending; null for all. */
  features: number[] | null;
  /** The first document of each shard of documents. */
  documents: number[];
}

export interface Texts {
  texts: string[];
  about: string[];
}

type Lean = Omit<FeatureRecord, "coverage" | "histogram"> & { histogram: number[]; example: Packed | null };

export interface RecordShard extends Texts {
  coverage: Coverage;
  edges: number[];
  features: Lean[];
}

export interface ExampleShard extends Texts {
  features: {
    number: number;
    groups: Record<string, Packed[]>;
    firings: Omit<Firings, "number" | "coverage">;
    relations?: Omit<Relations, "number" | "figures">;
    /** Why it has none, where others have. */
    unrelated?: string;
    elsewhere?: Elsewhere[];
  }[];
  figures?: Relations["figures"];
}

export type DocumentShard = Record<string, { from: number; tokens: (string | null)[] }>;

/** Tokens before the peak of an example. */
const BEFORE = 16;
/** Tokens on each side whose activations are kept. */
export const WIDE = 64;

/** Where in its shard, and in which, the n-th of many stands. */
export function placeIn(n: number, size: number): { shard: number; at: number } {
  return { shard: Math.floor(n / size), at: n % size };
}

/** The place of a number among those of a site; -1 where it is not there. */
export function placeOf({ features, d_sae }: SiteSAE, number: number): number {
  if (features === null) return number < d_sae ? number : -1;
  let [low, high] = [0, features.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (features[middle]! < number) low = middle + 1;
    else high = middle;
  }
  return features[low] === number ? low : -1;
}

export function record(shard: RecordShard, at: number): FeatureRecord {
  const { histogram, example: _, ...rest } = shard.features[at]!;
  return { ...rest, histogram: { edges: shard.edges, counts: histogram }, coverage: shard.coverage };
}

export function row(shard: RecordShard, at: number): FeatureRow {
  const { number, name, density, count, mean, maximum, tokens } = shard.features[at]!;
  return { number, name, density, count, mean, maximum, tokens };
}

export function card(shard: RecordShard, at: number): FeatureCard {
  const { histogram, example: packed } = shard.features[at]!;
  return {
    ...row(shard, at),
    histogram: { edges: shard.edges, counts: histogram },
    example: packed && example(packed, shard),
  };
}

/** An example as lists show it. */
export function example([document, position, source, tags, tokens, fired]: Packed, { texts, about }: Texts): Example {
  const peak = Math.min(position, BEFORE);
  const activations = new Array<number>(tokens.length).fill(0);
  eachFired(fired, (offset, value) => {
    if (peak + offset >= 0 && peak + offset < activations.length) activations[peak + offset] = value;
  });
  return { document, position, peak, activations, ...said(source, tags, about), tokens: tokens.map((one) => texts[one]!) };
}

/** More of the text around an example, up to `WIDE` tokens on each side. */
export function context([document, position, source, tags, , fired]: Packed, { about }: Texts, shard: DocumentShard, before: number, after: number): Example {
  const { from, tokens: all } = shard[document]!;
  const at = position - from;
  const start = Math.max(0, at - Math.min(before, WIDE));
  const tokens = all.slice(start, at + Math.min(after, WIDE) + 1).map((text) => text ?? "");
  const peak = at - start;
  const activations = new Array<number>(tokens.length).fill(0);
  eachFired(fired, (offset, value) => {
    if (peak + offset >= 0 && peak + offset < activations.length) activations[peak + offset] = value;
  });
  return { document, position, peak, activations, ...said(source, tags, about), tokens };
}

function said(source: number, tags: Packed[3], about: string[]): Pick<Example, "source" | "tags"> {
  return { source: about[source]!, tags: tags.map(([name, value]) => ({ name: about[name]!, value: about[value]! })) };
}

function eachFired(fired: number[], call: (offset: number, value: number) => void): void {
  for (let i = 0; i < fired.length; i += 2) call(fired[i]!, fired[i + 1]!);
}

/** The examples of a group. */
export function group(shard: ExampleShard, at: number, name: Examples["group"], limit: number): Example[] {
  const packed = shard.features[at]!.groups[name] ?? [];
  return packed.slice(0, limit).map((one) => example(one, shard));
}

/** The shard of documents that a document is in. */
export function shardOf(firsts: readonly number[], document: number): number {
  return firsts.findLastIndex((first) => first <= document);
}
