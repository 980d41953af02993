// Looking again at what may change elsewhere, for as long as somebody sees the page.

/** What is known of a page's visibility; `document` is one. */
export type Visibility = Pick<Document, "hidden" | "addEventListener" | "removeEventListener">;

/** Calls every so many milliseconds while the page is seen, and at once when it is seen again; gives what ends it. */
export function whileSeen(call: () => void, ms: number, page: Visibility = document): () => void {
  const look = () => {
    if (!page.hidden) call();
  };
  const timer = setInterval(look, ms);
  page.addEventListener("visibilitychange", look);
  return () => {
    clearInterval(timer);
    page.removeEventListener("visibilitychange", look);
  };
}
