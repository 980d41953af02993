// The table of pages. A new page is one file and one row.
import type { Component } from "svelte";
import type { Place } from "../shell/place";

export interface Page {
  /** The third part of an address. */
  id: string;
  name: string;
  /** Which row of the navigation is marked on this page; the page's own where it has one. */
  marks: string;
  /** Path of the icon that stands in the foot on a narrow screen, in 20 x 20; null for pages that are no row. */
  icon: string | null;
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
];
