// Answers from the files of a static site: the same paths, the same records, no server.
import type { Source } from "./source";
import { ApiError, isAborted } from "./errors";
import type { Beginnings, Candidate, Examples, FeatureCard, FeaturePage, FeatureRow, Find, Found, SAERecord } from "./records";
import * as shards from "./shards";
import { Words, type WordColumns } from "./words";

type Columns = Record<"density" | "count" | "mean" | "maximum", number[]>;
type Handler = (sae: SAEFiles, number: number, query: URLSearchParams) => Promise<unknown>;

/** Files that are held; of the rest the browser keeps what it likes. */
const HELD = 60;

export class StaticSource implements Source {
  private readonly files: Files;
  constructor(base: string) {
    this.files = new Files(base);
  }

  async get(path: string, query: string, signal: AbortSignal | undefined): Promise<unknown> {
    const site = await this.files.site(signal);
    const plain = path.split("/").map(decodeURIComponent).join("/");
    const asked = new URLSearchParams(query);
    const statistic = plain.endsWith("/distribution") ? `?statistic=${asked.get("statistic") ?? "density"}` : "";
    const whole = site.files[plain + statistic];
    if (whole) return this.files.json(whole, signal);
    const { sae, rest } = this.saeOf(site, plain, signal);
    if (rest === "features") return sae.list(asked);
    if (rest === "cards") return sae.cards((asked.get("numbers") ?? "").split(",").map(Number));
    if (rest === "beginnings") return sae.beginnings(Number(asked.get("limit") ?? 8));
    const [, number, what = ""] = /^features\/(\d+)(?:\/(\w+))?$/.exec(rest) ?? [];
    const handler = number === undefined ? undefined : OF_FEATURE[what];
    if (!handler) throw notHere(rest);
    return handler(sae, Number(number), asked);
  }

  async post(path: string, body: unknown, signal: AbortSignal | undefined): Promise<unknown> {
    const site = await this.files.site(signal);
    const plain = path.split("/").map(decodeURIComponent).join("/");
    const { sae, rest } = this.saeOf(site, plain, signal);
    if (rest !== "find") throw notHere(rest);
    return sae.find(body as Find);
  }

  async put(path: string): Promise<unknown> {
    throw notHere(path);
  }

  async numbers(study: string, sae: string): Promise<readonly number[] | null> {
    const site = await this.files.site(undefined);
    return study === site.study ? (site.saes[sae]?.features ?? null) : null;
  }

  private saeOf(site: shards.Site, path: string, signal: AbortSignal | undefined): { sae: SAEFiles; rest: string } {
    const [, study, name, rest] = /^\/api\/v1\/studies\/([^/]+)\/saes\/([^/]+)\/(.+)$/.exec(path) ?? [];
    const known = study === site.study && name !== undefined ? site.saes[name] : undefined;
    if (!known) throw notHere(path.split("/").at(-1)!);
    return { sae: new SAEFiles(site, known, `/api/v1/studies/${study}/saes/${name}`, this.files, signal), rest: rest! };
  }
}

const OF_FEATURE: Record<string, Handler> = {
  "": async (sae, number) => shards.record(...(await sae.recordOf(number))),
  examples: (sae, number, query) => sae.examples(number, (query.get("group") ?? "top") as Examples["group"], Number(query.get("limit") ?? 20)),
  context: (sae, number, query) => sae.context(number, query),
  firings: async (sae, number) => {
    const [shard, at] = await sae.examplesOf(number);
    return { number, ...shard.features[at]!.firings, coverage: (await sae.recordOf(number))[0].coverage };
  },
  relations: async (sae, number) => {
    const [{ features, figures }, at] = await sae.examplesOf(number);
    const { relations, unrelated } = features[at]!;
    if (!relations) throw new ApiError("not_found", unrelated ?? "relations of these features were not measured when this site was made");
    return { number, ...relations, figures };
  },
  elsewhere: async (sae, number) => {
    const [{ features }, at] = await sae.examplesOf(number);
    return { number, saes: features[at]!.elsewhere ?? [] };
  },
};

/** One SAE of the site, for one question. */
class SAEFiles {
  constructor(
    private readonly site: shards.Site,
    private readonly sae: shards.SiteSAE,
    private readonly path: string,
    private readonly files: Files,
    private readonly signal: AbortSignal | undefined,
  ) {}

  async recordOf(number: number): Promise<[shards.RecordShard, number]> {
    const { shard, at } = shards.placeIn(this.place(number), this.site.records);
    return [await this.json<shards.RecordShard>(`records/${shard}.json`), at];
  }

  async examplesOf(number: number): Promise<[shards.ExampleShard, number]> {
    const { shard, at } = shards.placeIn(this.place(number), this.site.examples);
    return [await this.json<shards.ExampleShard>(`examples/${shard}.json`), at];
  }

  async examples(number: number, group: Examples["group"], limit: number): Promise<Examples> {
    const [records, place] = await this.recordOf(number);
    const about = { feature: number, group, maximum: records.features[place]!.maximum, coverage: records.coverage };
    // Lists ask for the strongest one of many features: it stands beside their records.
    if (group === "top" && limit === 1) {
      const { example } = shards.card(records, place);
      return { ...about, examples: example ? [example] : [] };
    }
    const [shard, at] = await this.examplesOf(number);
    return { ...about, examples: shards.group(shard, at, group, limit) };
  }

  async context(number: number, query: URLSearchParams): Promise<unknown> {
    const [shard, at] = await this.examplesOf(number);
    const [document, position, before, after] = ["document", "position", "before", "after"].map((key) => Number(query.get(key) ?? shards.WIDE));
    const all = Object.values(shard.features[at]!.groups).flat();
    const found = all.find((one) => one[0] === document && one[1] === position);
    if (!found) throw new ApiError("not_found", `position ${position} of document ${document} is no example of feature ${number}`, SERVE);
    const texts = await this.json<shards.DocumentShard>(`documents/${shards.shardOf(this.sae.documents, document!)}.json`);
    return shards.context(found, shard, texts, before!, after!);
  }

  async list(query: URLSearchParams): Promise<FeaturePage> {
    if (query.get("tag") || query.get("q")) throw notHere("features");
    const columns = await this.json<Columns>("columns.json");
    const passes = passing(columns, (name, end) => numberOf(query.get(`${end}_${name}`)), query.get("dead"));
    const places = columns.density.map((_, i) => i).filter(passes);
    const sort = query.get("sort") ?? "number";
    const key = (place: number) => (sort === "number" ? place : columns[sort as keyof Columns][place]!);
    const sign = query.get("order") === "down" ? -1 : 1;
    places.sort((a, b) => sign * (key(a) - key(b)) || a - b);
    const start = Number(query.get("cursor") ?? 0);
    const end = start + Number(query.get("limit") ?? 50);
    const rows = await this.rows(places.slice(start, end));
    const { version, coverage } = await this.about();
    return { features: rows, total: places.length, next: end < places.length ? String(end) : null, version, coverage };
  }

  /** Features to begin with among those that are here, chosen as the server does. */
  async beginnings(limit: number): Promise<Beginnings> {
    const tags = (await this.concepts()).slice(0, 2 * limit);
    const found = await Promise.all(tags.map(async (tag) => (await this.tagged(tag)).slice(0, 1).map(({ place, score }) => ({ place, tag, f1: score }))));
    const best = found.flat().sort((a, b) => b.f1 - a.f1);
    // One feature may be the best for several tags: it is there once, for the one it fits best.
    const once = best.filter(({ place }, i) => best.findIndex((other) => other.place === place) === i).slice(0, limit);
    const rows = await this.rows(once.map(({ place }) => place));
    const strongest = await this.list(new URLSearchParams({ sort: "maximum", order: "down", dead: "false", limit: String(limit) }));
    const others = strongest.features.filter(({ number }) => !rows.some((row) => row.number === number));
    const features = [...once.map(({ tag, f1 }, i) => ({ feature: rows[i]!, tag, f1 })), ...others.map((feature) => ({ feature, tag: null, f1: null }))];
    return { features: features.slice(0, limit), ...(await this.about()) };
  }

  async cards(numbers: readonly number[]): Promise<unknown> {
    const own = numbers.filter((number) => shards.placeOf(this.sae, number) >= 0);
    const features: FeatureCard[] = await Promise.all(own.map(async (number) => shards.card(...(await this.recordOf(number)))));
    return { features, ...(await this.about()) };
  }

  async find(asked: Find): Promise<Found> {
    const n = asked.n ?? 10;
    const { where } = asked;
    if (where && [where.top_token, where.tag, where.interval].some((one) => one !== null && one !== undefined)) throw notHere("find");
    const columns = where ? await this.json<Columns>("columns.json") : null;
    const passes = columns ? passing(columns, (name, end) => bound(where, name, end), where?.dead === null || where?.dead === undefined ? null : String(where.dead)) : () => true;
    let found: { place: number; score: number; why: string }[];
    if (asked.text) found = (await this.files.words(`${this.sae.folder}/words.json`, this.signal)).search(asked.text, passes);
    else if (asked.tag) found = (await this.tagged(asked.tag)).filter(({ place }) => passes(place));
    else throw notHere("find");
    const best = found.slice(0, n);
    const rows = await this.rows(best.map(({ place }) => place));
    const candidates: Candidate[] = best.map(({ score, why }, i) => ({ feature: rows[i]!, score, why }));
    return { candidates, together: [], classifier: null, coverage: (await this.about()).coverage };
  }

  private async tagged(tag: string): Promise<{ place: number; score: number; why: string }[]> {
    const place = (await this.concepts()).indexOf(tag);
    if (place < 0) throw new ApiError("invalid", `unknown tag "${tag}"`, "choose one of those that the search page lists");
    const shard = await this.json<Record<string, [number, number, string][]>>(`tags/${shards.placeIn(place, this.site.tags).shard}.json`);
    return shard[tag]!.map(([number, score, why]) => ({ place: shards.placeOf(this.sae, number), score, why }));
  }

  /** The tags, the most common first. */
  private async concepts(): Promise<string[]> {
    const { concepts } = await this.files.json<{ concepts: { tag: string }[] }>(this.site.files[`${this.path}/concepts`]!, this.signal);
    return concepts.map(({ tag }) => tag);
  }

  /** Rows of features by their places among those of the site. */
  private rows(places: readonly number[]): Promise<FeatureRow[]> {
    return Promise.all(places.map(async (place) => shards.row(...(await this.recordOf(this.sae.features?.[place] ?? place)))));
  }

  private async about(): Promise<{ version: string; coverage: FeaturePage["coverage"] }> {
    const record = await this.files.json<SAERecord>(this.site.files[this.path]!, this.signal);
    const { finished, positions, expected } = record.index!;
    return { version: this.sae.version, coverage: { finished, positions, expected } };
  }

  private place(number: number): number {
    const place = shards.placeOf(this.sae, number);
    const { features, d_sae } = this.sae;
    if (place < 0) throw new ApiError("not_found", `feature ${number} is not in this copy, which holds ${features?.length ?? d_sae} of ${d_sae}`, SERVE);
    return place;
  }

  private json<T>(file: string): Promise<T> {
    return this.files.json<T>(`${this.sae.folder}/${file}`, this.signal);
  }
}

/** Files by their paths, each asked for once; a question that is given up leaves its file to others. */
class Files {
  private readonly held = new Map<string, Promise<unknown>>();
  constructor(private readonly base: string) {}

  site(signal: AbortSignal | undefined): Promise<shards.Site> {
    return this.json<shards.Site>("site.json", signal);
  }

  json<T>(path: string, signal: AbortSignal | undefined): Promise<T> {
    return this.made(path, signal, async () => {
      const response = await fetch(this.base + path).catch((error: unknown) => {
        if (isAborted(error)) throw error;
        throw new ApiError("unreachable", "the site does not answer", "see whether you are still connected");
      });
      if (!response.ok) throw new ApiError("unreadable", `${path} is missing on this site`, "export it again, and copy all of its files");
      return response.json() as Promise<T>;
    });
  }

  words(path: string, signal: AbortSignal | undefined): Promise<Words> {
    return this.made(`${path}#`, signal, async () => new Words(await this.json<WordColumns>(path, undefined)));
  }

  private async made<T>(key: string, signal: AbortSignal | undefined, make: () => Promise<T>): Promise<T> {
    signal?.throwIfAborted();
    const found = this.held.get(key) ?? make();
    this.held.delete(key);
    this.held.set(key, found);
    if (this.held.size > HELD) this.held.delete(this.held.keys().next().value!);
    try {
      const value = (await found) as T;
      signal?.throwIfAborted();
      return value;
    } catch (error) {
      if (!isAborted(error)) this.held.delete(key); // asked for again the next time
      throw error;
    }
  }
}

const SERVE = "This needs the study itself: monosema serve STUDY";
const NEEDED: Record<string, string> = {
  prompt: "to read a text, the model is needed",
  next: "to tell what comes next, the model is needed",
  find: "this way of searching needs the model or the whole index",
  features: "this way of listing needs the whole index",
  cosines: "cosines with all features need the SAE",
  note: "to keep a name or a note, the study itself is needed",
};

function notHere(what: string): ApiError {
  const kind = what.split("/").at(-1)!;
  return new ApiError("not_found", `${NEEDED[kind] ?? "this is not there"}; this is a copy without it`, SERVE);
}

function passing(columns: Columns, bound: (name: keyof Columns, end: "min" | "max") => number | null, dead: string | null): (place: number) => boolean {
  const names = ["density", "count", "mean", "maximum"] as const;
  const bounds = names.map((name) => ({ column: columns[name], low: bound(name, "min") ?? -Infinity, high: bound(name, "max") ?? Infinity }));
  return (place) =>
    bounds.every(({ column, low, high }) => column[place]! >= low && column[place]! <= high) && (dead === null || (columns.count[place] === 0) === (dead === "true"));
}

function bound(where: Find["where"], name: keyof Columns, end: "min" | "max"): number | null {
  const asked = name === "count" ? null : where?.[name];
  return (end === "min" ? asked?.low : asked?.high) ?? null;
}

function numberOf(text: string | null): number | null {
  return text === null ? null : Number(text);
}
