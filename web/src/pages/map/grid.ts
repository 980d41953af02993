// Which points lie where: points sorted by the cells of a grid, so that a look-up reads a few cells and no others.
import type { Bounds, Points } from "./points";

/** How many points a cell holds on average. */
const A_CELL = 4;
const MOST_CELLS = 1024;

export class Grid {
  /** Cells of a side. */
  readonly side: number;
  private readonly bounds: Bounds;
  /** Where each cell begins in `order`; one more than cells. */
  private readonly starts: Uint32Array;
  private readonly order: Uint32Array;

  constructor(private readonly points: Points) {
    const { x, y, size, bounds } = points;
    this.bounds = bounds;
    this.side = Math.max(1, Math.min(MOST_CELLS, Math.ceil(Math.sqrt(size / A_CELL))));
    const cells = this.side * this.side;
    const cellOf = new Int32Array(size);
    this.starts = new Uint32Array(cells + 1);
    for (let i = 0; i < size; i++) {
      cellOf[i] = Number.isNaN(x[i]!) ? -1 : this.row(y[i]!) * this.side + this.column(x[i]!);
      if (cellOf[i]! >= 0) this.starts[cellOf[i]! + 1]! += 1;
    }
    for (let cell = 0; cell < cells; cell++) this.starts[cell + 1]! += this.starts[cell]!;
    this.order = new Uint32Array(this.starts[cells]!);
    const next = this.starts.slice(0, cells);
    for (let i = 0; i < size; i++) {
      const cell = cellOf[i]!;
      if (cell >= 0) this.order[next[cell]!++] = i;
    }
  }

  /** The point nearest to a place, within a distance; null where there is none. Of equals the first. */
  nearest(x: number, y: number, within: number): number | null {
    let best: number | null = null;
    let least = within * within;
    this.each({ left: x - within, right: x + within, low: y - within, high: y + within }, (point) => {
      const d = (this.points.x[point]! - x) ** 2 + (this.points.y[point]! - y) ** 2;
      if (d < least || (d === least && (best === null || point < best))) [best, least] = [point, d];
    });
    return best;
  }

  /** The points inside a box; at most `most`, and null where there are more. */
  inside(box: Bounds, most: number): number[] | null {
    const found: number[] = [];
    this.each(box, (point) => {
      found.push(point);
      return found.length <= most;
    });
    return found.length <= most ? found : null;
  }

  /** Calls back with every point inside a box, until a call gives false. */
  each(box: Bounds, call: (point: number) => boolean | void): void {
    const { x, y } = this.points;
    const [first, last] = [this.column(box.left), this.column(box.right)];
    for (let row = this.row(box.low); row <= this.row(box.high); row++) {
      const [from, to] = [this.starts[row * this.side + first]!, this.starts[row * this.side + last + 1]!];
      for (let place = from; place < to; place++) {
        const point = this.order[place]!;
        const [px, py] = [x[point]!, y[point]!];
        const outside = px < box.left || px > box.right || py < box.low || py > box.high;
        if (!outside && call(point) === false) return;
      }
    }
  }

  private column(x: number): number {
    return this.cell(x, this.bounds.left, this.bounds.right);
  }

  private row(y: number): number {
    return this.cell(y, this.bounds.low, this.bounds.high);
  }

  private cell(value: number, from: number, to: number): number {
    const cell = Math.floor(((value - from) / (to - from || 1)) * this.side);
    return Math.max(0, Math.min(this.side - 1, cell));
  }
}
