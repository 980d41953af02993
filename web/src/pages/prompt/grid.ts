// A heat map that scrolls: which columns are drawn, and how keys walk its cells.

export interface Cell {
  row: number;
  column: number;
}

/** Columns [from, to) that are in sight, and some beside them so that scrolling shows no gap. */
export function columnsInSight(scrolled: number, room: number, width: number, n: number, beside = 8): [number, number] {
  const from = Math.max(0, Math.floor(scrolled / width) - beside);
  return [Math.min(from, n), Math.min(n, Math.ceil((scrolled + room) / width) + beside)];
}

/** The cell that a key walks to; null for a key that walks nowhere. */
export function walked(cell: Cell, key: string, rows: number, columns: number, page: number): Cell | null {
  const { row, column } = cell;
  const held = (value: number, n: number) => Math.min(n - 1, Math.max(0, value));
  switch (key) {
    case "ArrowLeft":
      return { row, column: held(column - 1, columns) };
    case "ArrowRight":
      return { row, column: held(column + 1, columns) };
    case "ArrowUp":
      return { row: held(row - 1, rows), column };
    case "ArrowDown":
      return { row: held(row + 1, rows), column };
    case "PageUp":
      return { row, column: held(column - page, columns) };
    case "PageDown":
      return { row, column: held(column + page, columns) };
    case "Home":
      return { row, column: 0 };
    case "End":
      return { row, column: columns - 1 };
    default:
      return null;
  }
}

/** How far to scroll so that a column is in sight; where it is already, as far as it is scrolled. */
export function scrolledTo(column: number, scrolled: number, room: number, width: number): number {
  const [left, right] = [column * width, (column + 1) * width];
  if (left < scrolled) return left;
  return right > scrolled + room ? right - room : scrolled;
}
