import { describe, expect, test } from "vitest";
import type { Example } from "../api/records";
import { cells, fold, line, visible } from "./context";

function example(tokens: string[], peak: number, position = peak, activations = tokens.map((_, i) => (i === peak ? 2 : 0))): Example {
  return { document: 1, position, source: "s", tags: [], tokens, activations, peak };
}

const shown = (one: ReturnType<typeof line>) => [one.left, [one.peak], one.right].map((part) => part.map(({ text }) => text).join(""));

describe("a line", () => {
  test("has the peak in the middle and all text where there is room", () => {
    const one = line(example(["the", " Golden", " Gate", " Bridge"], 2), 4);
    expect(shown(one)).toEqual(["the Golden", " Gate", " Bridge"]);
    expect(one.cutLeft).toBe(false);
    expect(one.peak.level).toBe(5);
  });

  test("is cut in whole tokens on the left, and says so", () => {
    const one = line(example([" aaaa", " bbbb", " cccc", "!"], 3), 2, 10);
    expect(shown(one)[0]).toBe(" bbbb cccc");
    expect(one.cutLeft).toBe(true);
  });

  test("is cut in whole characters on the right", () => {
    expect(shown(line(example(["x", "日本語", "は"], 0), 2, 10, 2))[2]).toBe("日本");
  });

  test("says that a document goes on before its first token", () => {
    expect(line(example(["b", "c"], 1, 7), 2).cutLeft).toBe(true);
  });

  test("shows line breaks and tabs as signs", () => {
    expect(visible("a\r\n\tb\n")).toBe("a↵⇥b↵");
  });
});

test("signs of a chat template are told from text", () => {
  const all = cells(example(["<|im_start|>", "user", "<s>", "</s>", "a<b>", "<", " <|x"], 1), 2);
  expect(all.map(({ sign }) => sign)).toEqual([true, false, true, true, false, false, false]);
});

describe("near repeats", () => {
  const text = ["one", " two", " three", " four", " five", " six", " seven", " eight", " nine", " ten", " eleven"];
  test("are those with the same text around the peak, counted at the first", () => {
    const far = example(["other", ...text.slice(1)], 6);
    const near = example(text.with(5, " 5"), 6);
    expect(fold([example(text, 6), near, far]).map(({ repeats }) => repeats)).toEqual([1, 0]);
  });
  test("are not texts whose peak stands elsewhere", () => {
    expect(fold([example(["a", "b"], 0), example(["a", "b"], 1)])).toHaveLength(2);
  });
});
