// Which examples are shown, in what order: the strongest, then down the range of activations or of firings.
import type { Group } from "../../api/features";
import { activation, plural } from "../../lib/format";

export interface Band {
  group: Group;
  title: string;
  says: string;
  /** Step of the heat that stands for the band; null for the strongest. */
  level: number;
}

export type By = "intervals" | "fifths";

const FIFTHS = ["the weakest fifth", "the second fifth", "the middle fifth", "the fourth fifth", "the strongest fifth"];

/** The bands below the strongest examples; `counts`: firings in each tenth of the range, where they are known. */
export function bands(by: By, maximum: number, counts: readonly number[] | null = null): Band[] {
  if (by === "fifths") {
    return ([4, 3, 2, 1, 0] as const).map((n) => ({
      group: `quantile:${n}`,
      title: `${FIFTHS[n]} of firings`,
      says: "at random within it",
      level: 2 * n + 1,
    }));
  }
  return ([9, 8, 7, 6, 5, 4, 3, 2, 1, 0] as const).map((n) => ({
    group: `interval:${n}`,
    title: `${activation((n / 10) * maximum)} – ${activation(((n + 1) / 10) * maximum)}`,
    says: `${n / 10} to ${(n + 1) / 10} of the maximum, at random${counts ? ` of ${plural(counts[n]!, "firing")}` : ""}`,
    level: n + 1,
  }));
}

/** What is open, as the address tells it: `document.position`. */
export function parseAt(text: string | null): { document: number; position: number } | null {
  const found = /^(\d+)\.(\d+)$/.exec(text ?? "");
  return found ? { document: Number(found[1]), position: Number(found[2]) } : null;
}
