// The address bar as reactive state.
import { changedQuery, parseRoute, type Query, type Route } from "./route";

class Router {
  route: Route = $state.raw(parseRoute(location.hash));

  constructor() {
    addEventListener("hashchange", () => this.read());
    addEventListener("popstate", () => this.read());
  }

  /** Goes to a link of `href`; with `replace` Back does not return here. */
  go(link: string, replace = false): void {
    if (link === location.hash) return;
    history[replace ? "replaceState" : "pushState"](null, "", link);
    this.read();
  }

  /** Changes some of the query in place: state of a page that is worth a link, not a step back. */
  set(changes: Query, push = false): void {
    const path = location.hash.split("?")[0] || "#/";
    const query = changedQuery(this.route.query, changes).toString();
    this.go(query ? `${path}?${query}` : path, !push);
  }

  private read(): void {
    this.route = parseRoute(location.hash);
  }
}

export const router = new Router();
