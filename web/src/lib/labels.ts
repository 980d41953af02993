// Labels above places on a line, in as few rows as keep them apart.

export interface Placed {
  /** Where its place is, 0 to 1. */
  at: number;
  /** About how many characters it has. */
  length: number;
}

const CHARACTER_PX = 7;
const GAP_PX = 14;

/** Row of each label, 0 the lowest; labels are centred on their place and moved in where they would leave the line. */
export function rowsOf(labels: readonly Placed[], width: number): number[] {
  const ends: number[] = [];
  return labels.map(({ at, length }) => {
    const wide = length * CHARACTER_PX;
    const start = Math.min(Math.max(0, at * width - wide / 2), Math.max(0, width - wide));
    let row = 0;
    while (ends[row] !== undefined && ends[row]! + GAP_PX > start) row += 1;
    ends[row] = start + wide;
    return row;
  });
}
