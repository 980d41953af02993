// The table of pages. A new page is one file and one row.
import type { Component } from "svelte";
import { live } from "../api/client";
import type { Place } from "../shell/place";

export interface Page {
  /** The third part of an address. */
  id: string;
  name: string;
  /** Which row of the navigation is marked on this page; the page's own where it has one. */
  marks: string;
  /** Path of the icon that stands in the foot on a narrow screen, in 20 x 20; null for pages that are no row. */
  icon: string | null;
  /** Whether it needs the model, so that a static site has it not. */
  live?: boolean;
  load: () => Promise<{ default: Component<{ place: Place }> }>;
}

export const PAGES: readonly Page[] = [
  {
    id: "home",
    name: "Home",
    marks: "home",
    icon: "M3 9.5 10 3l7 6.5V17h-5v-4.5H8V17H3z",
    load: () => import("./home/Home.svelte"),
  },
  {
    id: "search",
    name: "Search",
    marks: "search",
    icon: "M9 3.5a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11zM13 13l4 4",
    load: () => import("./search/Search.svelte"),
  },
  {
    id: "feature",
    name: "Feature",
    marks: "search",
    icon: null,
    load: () => import("./feature/Feature.svelte"),
  },
  {
    id: "map",
    name: "Map",
    marks: "map",
    icon: "M5 4a2 2 0 1 1 0 4 2 2 0 0 1 0-4zM14.5 7a1.5 1.5 0 1 1 0 3 1.5 1.5 0 0 1 0-3zM8 12a2.5 2.5 0 1 1 0 5 2.5 2.5 0 0 1 0-5z",
    load: () => import("./map/Map.svelte"),
  },
  {
    id: "prompt",
    name: "Prompt",
    marks: "prompt",
    live: true,
    icon: "M3 4h3v3H3zM8.5 4h3v3h-3zM14 4h3v3h-3zM3 9h3v3H3zM8.5 9h3v3h-3zM14 9h3v3h-3zM3 14h3v3H3zM8.5 14h3v3h-3z",
    load: () => import("./prompt/Prompt.svelte"),
  },
  {
    id: "chat",
    name: "Chat",
    marks: "chat",
    live: true,
    icon: "M3 4h14v9.5H9.5L5 17.5v-4H3z",
    load: () => import("./chat/Chat.svelte"),
  },
  {
    id: "runs",
    name: "Runs",
    marks: "runs",
    icon: "M3 3v14h14M6 13l3.5-5 3 2.5L17 5",
    load: () => import("./runs/Runs.svelte"),
  },
  {
    id: "compare",
    name: "Compare",
    marks: "compare",
    icon: "M4 17V8h3.5v9M12.5 17V4H16v13M2.5 17h15",
    load: () => import("./compare/Compare.svelte"),
  },
];

/** Those that the navigation offers here. */
export const OFFERED = PAGES.filter((page) => page.icon !== null && (live || !page.live));
