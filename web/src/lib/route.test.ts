import { describe, expect, test } from "vitest";
import { changedQuery, href, parseRoute } from "./route";

describe("addresses", () => {
  test("name a study, an SAE, a page and an item", () => {
    const route = parseRoute("#/golden-gate/main/feature/123?try=a+b&at=4.5");
    expect(route).toMatchObject({ study: "golden-gate", sae: "main", page: "feature", item: "123" });
    expect(route.query.get("try")).toBe("a b");
  });

  test("without anything are the home page of no study yet", () => {
    for (const hash of ["", "#", "#/"]) expect(parseRoute(hash)).toMatchObject({ study: null, sae: null, page: "home" });
  });

  test("come back from links whatever names and texts hold", () => {
    const texts = ["the “Gate” & more", "a/b?c#d", " blank first", "100 %"];
    const route = parseRoute(href("my study/1", "main+wide", "search", null, { by: "sets", on: texts, q: "x=1&y=2" }));
    expect(route).toMatchObject({ study: "my study/1", sae: "main+wide", page: "search", item: null });
    expect(route.query.getAll("on")).toEqual(texts);
    expect(route.query.get("q")).toBe("x=1&y=2");
  });

  test("leave out the home page and what has no value", () => {
    expect(href("s", "main")).toBe("#/s/main");
    expect(href("s", "main", "search", null, { q: "", at: null, n: undefined })).toBe("#/s/main/search");
  });

  test("with a broken escape are read as they stand", () => {
    expect(parseRoute("#/100%/main").study).toBe("100%");
  });

  test("change one key and keep the others", () => {
    const query = new URLSearchParams("a=1&on=x&on=y");
    expect(changedQuery(query, { on: ["z"], a: null, b: 2 }).toString()).toBe("on=z&b=2");
    expect(query.toString()).toBe("a=1&on=x&on=y");
  });
});
