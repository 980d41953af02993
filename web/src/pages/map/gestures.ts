// What pointers do on a map: drag and pinch move it, a click chooses, a drag with Shift or in the lasso's mode draws a loop.

export interface Moves {
  pan: (left: number, top: number) => void;
  zoom: (factor: number, left: number, top: number) => void;
  /** Whether a wheel that turns away has anything left to show; if not the page scrolls. */
  canLeave: () => boolean;
  click: (left: number, top: number, touch: boolean) => void;
  hover: (left: number, top: number) => void;
  leave: () => void;
  lassoing: () => boolean;
  /** A loop as it grows, x and y in turn, in pixels; empty when it was given up. */
  loop: (corners: number[], done: boolean) => void;
}

/** How far a pointer may stray and still have clicked. */
const STRAY = { mouse: 4, touch: 10 };

/** Listens until the function that it gives is called. */
export function gestures(on: HTMLElement, moves: Moves): () => void {
  const down = new Map<number, [number, number]>();
  let start: [number, number] | null = null;
  let corners: number[] | null = null;

  const where = (event: MouseEvent): [number, number] => {
    const box = on.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  const press = (event: PointerEvent) => {
    if (event.button !== 0) return;
    const at = where(event);
    on.setPointerCapture(event.pointerId);
    down.set(event.pointerId, at);
    start = down.size === 1 ? at : null;
    const draws = down.size === 1 && (event.shiftKey || moves.lassoing());
    if (corners && !draws) moves.loop([], false);
    corners = draws ? [...at] : null;
  };

  const move = (event: PointerEvent) => {
    const at = where(event);
    const before = down.get(event.pointerId);
    if (!before) {
      if (event.pointerType !== "touch") moves.hover(...at);
      return;
    }
    const stray = event.pointerType === "touch" ? STRAY.touch : STRAY.mouse;
    if (start && Math.hypot(at[0] - start[0], at[1] - start[1]) > stray) start = null;
    if (corners) {
      corners.push(...at);
      moves.loop(corners, false);
    } else if (down.size === 2) pinch(event.pointerId, before, at);
    else if (!start) moves.pan(at[0] - before[0], at[1] - before[1]);
    if (!start || corners) down.set(event.pointerId, at);
  };

  /** The other finger stays: the map grows with the distance between both, and goes along with their middle. */
  const pinch = (id: number, before: [number, number], at: [number, number]) => {
    const other = [...down].find(([one]) => one !== id)![1];
    const middle = (a: [number, number]): [number, number] => [(a[0] + other[0]) / 2, (a[1] + other[1]) / 2];
    const apart = (a: [number, number]) => Math.max(1, Math.hypot(a[0] - other[0], a[1] - other[1]));
    const [from, to] = [middle(before), middle(at)];
    moves.pan(to[0] - from[0], to[1] - from[1]);
    moves.zoom(apart(at) / apart(before), ...to);
  };

  const lift = (event: PointerEvent) => {
    if (!down.delete(event.pointerId)) return;
    const cancelled = event.type === "pointercancel";
    if (corners && !start && !cancelled && corners.length >= 12) moves.loop(corners, true);
    else if (corners) moves.loop([], false);
    if (start && !cancelled) moves.click(...where(event), event.pointerType === "touch");
    corners = start = null;
  };

  const wheel = (event: WheelEvent) => {
    if (event.deltaY > 0 && !moves.canLeave()) return;
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === 1 ? 20 : 1);
    moves.zoom(Math.exp(-Math.max(-120, Math.min(120, pixels)) * (event.ctrlKey ? 0.01 : 0.0025)), ...where(event));
  };

  const leave = () => moves.leave();
  on.addEventListener("pointerdown", press);
  on.addEventListener("pointermove", move);
  on.addEventListener("pointerup", lift);
  on.addEventListener("pointercancel", lift);
  on.addEventListener("pointerleave", leave);
  on.addEventListener("wheel", wheel, { passive: false });
  return () => {
    on.removeEventListener("pointerdown", press);
    on.removeEventListener("pointermove", move);
    on.removeEventListener("pointerup", lift);
    on.removeEventListener("pointercancel", lift);
    on.removeEventListener("pointerleave", leave);
    on.removeEventListener("wheel", wheel);
  };
}
