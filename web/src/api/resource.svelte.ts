// What a page asked and what came of it, as reactive state.
import { ApiError, asApiError, isAborted } from "./errors";

/** A moment after which a wait is worth showing; quicker answers would only make the page flicker. */
const NOTICED_MS = 250;

export class Resource<T> {
  value: T | null = $state.raw(null);
  error: ApiError | null = $state.raw(null);
  /** True from a moment after asking until the answer. */
  waiting = $state(false);
  /** True while there is no answer yet to the newest question. */
  stale = $state(true);
  /** Gives the newest question up; what was there before stays. */
  cancel: () => void = () => undefined;
}

const changed = new Set<() => void>();

/** Calls back when an answer says that something was remade since the page looked. */
export function onChanged(call: () => void): () => void {
  changed.add(call);
  return () => changed.delete(call);
}

/** Says that something was changed, as after a page has changed it itself: what is shown is asked for again. */
export function tellChanged(): void {
  for (const call of changed) call();
}

/**
 * Asks whenever the question changes, and gives the older question up.
 *
 * `question` is read reactively and is null where there is nothing to ask; what `ask` reads is not tracked. The last
 * answer stays in place until the next one comes, so that a page does not jump. With a `delay` the question must stand
 * still for so many milliseconds. Call it while a component is made.
 */
export function resource<Q, T>(
  question: () => Q | null,
  ask: (question: Q, signal: AbortSignal) => Promise<T>,
  delay = 0,
): Resource<T> {
  const found = new Resource<T>();
  $effect(() => {
    const asked = question();
    if (asked === null) {
      settle(found, null, null);
      return undefined;
    }
    const controller = new AbortController();
    found.stale = true;
    const late = setTimeout(() => (found.waiting = true), NOTICED_MS + delay);
    const start = setTimeout(() => {
      ask(asked, controller.signal).then(
        (value) => !controller.signal.aborted && (clearTimeout(late), settle(found, value, null)),
        (error: unknown) => {
          if (controller.signal.aborted || isAborted(error)) return;
          clearTimeout(late);
          const trouble = asApiError(error);
          settle(found, null, trouble);
          if (trouble.type === "changed") tellChanged();
        },
      );
    }, delay);
    const end = () => {
      clearTimeout(start);
      clearTimeout(late);
      controller.abort();
    };
    found.cancel = () => {
      end();
      found.waiting = false;
    };
    return end;
  });
  return found;
}

function settle<T>(found: Resource<T>, value: T | null, error: ApiError | null): void {
  found.value = value;
  found.error = error;
  found.waiting = false;
  found.stale = false;
}
