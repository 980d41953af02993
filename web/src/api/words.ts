// Search by words where no server searches: the words of names, of tokens that features fire on and promote, and of tags.

/** What features are found by, a text for each. */
export interface WordColumns {
  names: string[];
  fires: string[];
  promotes: string[];
  tags: string[];
}

export interface Match {
  /** Place of the feature in the columns. */
  place: number;
  score: number;
  why: string;
}

const FIELDS = [
  { key: "names", weight: 4, says: "its name" },
  { key: "fires", weight: 2, says: "what it fires on" },
  { key: "promotes", weight: 1, says: "what it promotes" },
  { key: "tags", weight: 4, says: "its tags" },
] as const;

/** BM25's constants, as SQLite's full-text search has them. */
const SATURATION = 1.2;
const BY_LENGTH = 0.75;

const ALONE = /[\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]/g;

/** The words of a text, whatever their case and accents; signs of Hangul, Kana and Han are words of their own. */
export function wordsOf(text: string): string[] {
  const spaced = text.replace(ALONE, " $& ").normalize("NFD").replace(/\p{M}/gu, "").normalize("NFC").toLowerCase();
  return spaced.match(/[\p{L}\p{N}]+/gu) ?? [];
}

interface Row {
  /** How often each word stands in each field. */
  counts: Map<string, number>[];
  words: number;
}

export class Words {
  private readonly rows: Row[];
  private readonly usual: number;

  constructor(columns: WordColumns) {
    this.rows = columns.names.map((_, place) => {
      const texts = FIELDS.map(({ key }) => wordsOf(columns[key][place]!));
      return { counts: texts.map(counted), words: texts.reduce((sum, words) => sum + words.length, 0) };
    });
    this.usual = this.rows.reduce((sum, { words }) => sum + words, 0) / Math.max(1, this.rows.length);
  }

  /**
   * Features that have all words of a query, else any of them, ranked by BM25 as the server does; the last word may be
   * the beginning of one.
   */
  search(query: string, allowed: (place: number) => boolean = () => true): Match[] {
    const asked = wordsOf(query);
    if (!asked.length) return [];
    const found = this.rows.map((row) => asked.map((word, i) => row.counts.map((counts) => often(counts, word, i === asked.length - 1))));
    const rarity = asked.map((_, i) => {
      const having = found.filter((row) => row[i]!.some(Boolean)).length;
      return Math.max(1e-6, Math.log((found.length - having + 0.5) / (having + 0.5)));
    });
    const matches = found.flatMap((row, place) => {
      const had = row.filter((fields) => fields.some(Boolean)).length;
      if (!had || !allowed(place)) return [];
      const score = row.reduce((sum, fields, i) => sum + rarity[i]! * this.weighed(fields, place), 0);
      const why = FIELDS.filter((_, field) => row.some((fields) => fields[field])).map(({ says }) => says);
      return [{ place, score, why: `in ${why.join(", ")}`, all: had === asked.length }];
    });
    const whole = matches.filter(({ all }) => all);
    return (whole.length ? whole : matches)
      .sort((a, b) => b.score - a.score || a.place - b.place)
      .map(({ place, score, why }) => ({ place, score, why }));
  }

  /** What a word counts that stands so often in each field. */
  private weighed(fields: readonly number[], place: number): number {
    const times = fields.reduce((sum, count, field) => sum + count * FIELDS[field]!.weight, 0);
    const length = this.rows[place]!.words / this.usual;
    return (times * (SATURATION + 1)) / (times + SATURATION * (1 - BY_LENGTH + BY_LENGTH * length));
  }
}

function counted(words: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

function often(counts: Map<string, number>, word: string, begins: boolean): number {
  if (!begins) return counts.get(word) ?? 0;
  let sum = 0;
  for (const [one, count] of counts) if (one.startsWith(word)) sum += count;
  return sum;
}
