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

type Key = (typeof FIELDS)[number]["key"];

/** The words of a text, whatever their case and accents. */
export function wordsOf(text: string): string[] {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

export class Words {
  private readonly fields: Record<Key, Set<string>[]>;

  constructor(columns: WordColumns) {
    const sets = (key: Key) => columns[key].map((text) => new Set(wordsOf(text)));
    this.fields = { names: sets("names"), fires: sets("fires"), promotes: sets("promotes"), tags: sets("tags") };
  }

  /** Features that have all words of a query, else any of them, best first; the last word may be the beginning of one. */
  search(query: string, allowed: (place: number) => boolean = () => true): Match[] {
    const asked = wordsOf(query);
    if (!asked.length) return [];
    const found = this.fields.names.map((_, place) => (allowed(place) ? this.matched(place, asked) : []));
    const rarity = asked.map((_, i) => {
      const having = found.filter((some) => some[i]?.length).length;
      return Math.log(1 + found.length / (1 + having));
    });
    const matches = found.flatMap((some, place) => {
      const had = some.filter((fields) => fields.length).length;
      if (!had) return [];
      const score = some.reduce((sum, fields, i) => sum + rarity[i]! * Math.max(0, ...fields.map(({ weight }) => weight)), 0);
      const why = FIELDS.filter((field) => some.some((fields) => fields.includes(field))).map(({ says }) => says);
      return [{ place, score, why: `in ${why.join(", ")}`, all: had === asked.length }];
    });
    const whole = matches.filter(({ all }) => all);
    return (whole.length ? whole : matches)
      .sort((a, b) => b.score - a.score || a.place - b.place)
      .map(({ place, score, why }) => ({ place, score, why }));
  }

  /** For each word the fields that have it. */
  private matched(place: number, asked: readonly string[]): (typeof FIELDS)[number][][] {
    return asked.map((word, i) => FIELDS.filter(({ key }) => has(this.fields[key][place]!, word, i === asked.length - 1)));
  }
}

function has(words: Set<string>, word: string, begins: boolean): boolean {
  if (words.has(word)) return true;
  if (begins) for (const one of words) if (one.startsWith(word)) return true;
  return false;
}
