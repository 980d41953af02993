// How each run is drawn: four colours that stay apart for all sights, then the same with dashes. The name stands beside
// every curve, so that colour never speaks alone.
import { kindColour, type Palette } from "../map/colours";

export interface Style {
  colour: string;
  /** For stroke-dasharray. */
  dash: string;
}

const DASHES = ["none", "6 3", "2 2.5", "8 3 2 3"];

/** A run keeps its style whatever is shown beside it: by its place among all of the study. */
export function stylesOf(saes: readonly string[], palette: Palette): Map<string, Style> {
  const colours = palette.kinds.length;
  return new Map(saes.map((sae, i) => [sae, { colour: kindColour(palette, i), dash: DASHES[Math.floor(i / colours) % DASHES.length]! }]));
}
