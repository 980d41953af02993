// Keys of the app and of the page that is open; `?` lists them.

import { untrack } from "svelte";

export interface Key {
  key: string;
  /** How it is written in the help, where the key itself is no text. */
  shown?: string;
  /** What it does, in words. */
  says: string;
  run: () => void;
}

class Keys {
  rows: Key[] = $state.raw([]);

  constructor() {
    addEventListener("keydown", (event) => this.press(event));
  }

  add(rows: Key[]): () => void {
    this.rows = [...this.rows, ...rows];
    return () => (this.rows = this.rows.filter((row) => !rows.includes(row)));
  }

  private press(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || typing(event.target)) return;
    if (document.querySelector("dialog[open]")) return;
    // The newest row wins: a page may give a key of the app another meaning.
    const row = this.rows.findLast(({ key }) => key === event.key);
    if (!row) return;
    event.preventDefault();
    row.run();
  }
}

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

export const keys = new Keys();

/** Keys that hold for as long as the component that calls this is on the page. */
export function useKeys(rows: Key[]): void {
  $effect(() => untrack(() => keys.add(rows)));
}
