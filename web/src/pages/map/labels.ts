// Which labels can be drawn without two touching each other.

export interface Label {
  id: string;
  text: string;
  /** Its middle, in units of the map. */
  x: number;
  y: number;
  /** In pixels. */
  width: number;
  height: number;
}

/**
 * From which scale (pixels of a unit) each label is shown; the first ones matter most.
 *
 * Labels keep their size while the map grows, so two that touch stop to at one scale and never touch again beyond it.
 * A label comes once it is clear of all that matter more and are shown by then. What is shown stays so when one zooms
 * in and while one pans: nothing flickers.
 */
export function appearances(labels: readonly Label[]): Float64Array {
  const from = new Float64Array(labels.length);
  for (let i = 1; i < labels.length; i++) {
    for (let j = 0; j < i; j++) {
      const clear = clearFrom(labels[i]!, labels[j]!);
      if (clear > from[j]!) from[i] = Math.max(from[i]!, clear);
    }
  }
  return from;
}

/** The scale from which two labels are clear of each other; infinite where they stand on one place. */
export function clearFrom(a: Label, b: Label): number {
  const across = (a.width + b.width) / 2 / Math.abs(a.x - b.x);
  const down = (a.height + b.height) / 2 / Math.abs(a.y - b.y);
  return Math.min(across, down);
}

/** How strongly a label is drawn: it fades in over the next quarter of zoom; what is there from the start is there. */
export function strength(from: number, scale: number): number {
  if (scale < from) return 0;
  return from === 0 ? 1 : Math.min(1, (scale / from - 1) / 0.25);
}

export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** How far two boxes reach into each other, as an area. */
export function overlap(a: Box, b: Box): number {
  const across = Math.min(a.left + a.width, b.left + b.width) - Math.max(a.left, b.left);
  const down = Math.min(a.top + a.height, b.top + b.height) - Math.max(a.top, b.top);
  return across > 0 && down > 0 ? across * down : 0;
}

/** Which boxes are kept when each must be clear of those before it. */
export function clearOnes(boxes: readonly Box[]): boolean[] {
  const kept: Box[] = [];
  return boxes.map((box) => {
    const clear = kept.every((other) => overlap(box, other) === 0);
    if (clear) kept.push(box);
    return clear;
  });
}

const pen = typeof document === "undefined" ? null : document.createElement("canvas").getContext("2d");

/** Width of a text in pixels, in the page's sans. */
export function widthOf(text: string, font = "500 12px"): number {
  if (!pen) return 6.5 * text.length;
  pen.font = `${font} ${getComputedStyle(document.body).fontFamily}`;
  return pen.measureText(text).width;
}

/** On which side of its point a bold name has room inside a picture with tools at its right edge. */
export function sideOf(name: string, x: number, width: number): "left" | "right" {
  return x + 14 + widthOf(name, "600 12px") < width - 44 ? "right" : "left";
}

/** A name as it is written on a map: without the words that say by what rule it was found, and not too long. */
export function brief(name: string, most = 26): string {
  const bare = name
    .replace(/^tokens? (?=.)/, "")
    .replace(/(?<=^| )'(.*?)'(?= and | after |$)/g, "‘$1’")
    .replace(/’ and ‘/, "’ ‘");
  const characters = [...bare];
  return characters.length > most ? `${characters.slice(0, most - 1).join("").trimEnd()}…` : bare;
}
