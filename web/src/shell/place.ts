// Where a page stands: the study and the SAE that its address names, and what the server says of them.
import type { SAERecord, SAESummary, StudySummary } from "../api/records";
import { href, type Query } from "../lib/route";

export interface Place {
  study: string;
  sae: string;
  summary: SAESummary;
  record: SAERecord;
  /** All SAEs of the study. */
  saes: SAESummary[];
  /** Who writes the study now. */
  writer: StudySummary["writer"];
  /** The features that can be shown, ascending; null for all. */
  numbers: readonly number[] | null;
  /** The version to ask for; null while the index grows, when no answer may be kept. */
  v: string | null;
}

/** The names that paths of the API are filled with. */
export function names(place: Place): { study: string; sae: string } {
  return { study: place.study, sae: place.sae };
}

/** A link to a page of the same SAE. */
export function link(place: Place, page: string, item?: string | number | null, query?: Query): string {
  return href(place.study, place.sae, page, item, query);
}

/** How many features can be shown. */
export function size(place: Place): number {
  return place.numbers?.length ?? place.record.d_sae;
}

/** The feature some steps from a number along those that can be shown, round the end. */
export function along(place: Place, number: number, by: number): number {
  const { numbers } = place;
  const all = size(place);
  const here = numbers === null ? number : numbers.findIndex((one) => one >= number);
  const at = (((here < 0 ? 0 : here) + by) % all + all) % all;
  return numbers === null ? at : numbers[at]!;
}

/** The SAE to show where an address names none: the first with an index, else the first that was trained. */
export function preferred(saes: readonly SAESummary[]): SAESummary | undefined {
  return saes.find(({ index }) => index === "made") ?? saes.find(({ sae }) => sae === "made") ?? saes[0];
}
