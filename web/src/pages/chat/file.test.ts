import { describe, expect, test } from "vitest";
import { curlOf, nameOf, parseFile, requestOf, type Saved, textOf } from "./file";

const SAVED: Saved = {
  study: "golden-gate",
  sae: "l19w",
  edits: [
    { kind: "dose", concept: "golden_gate_bridge", value: 1.2 },
    { kind: "feature", number: 7, operation: "add", value: -0.5, positions: "answer" },
  ],
  settings: { seed: 3, temperature: 0, most: 50 },
  prompt: "What's your 'form'?",
};

test("an edit comes back from its file", () => {
  expect(parseFile(textOf("http://localhost:8765", SAVED, false))).toEqual(SAVED);
  expect(parseFile(textOf("", { ...SAVED, prompt: null }, false))).toEqual({ ...SAVED, prompt: null });
  expect(nameOf({ ...SAVED, study: "my study" })).toBe("my_study-l19w-golden_gate_bridge-7.edit.json");
});

test("its command is one word for a shell, whatever the question holds", () => {
  const command = curlOf("http://localhost:8765", SAVED, false);
  expect(command).toMatch(/^curl http:\/\/localhost:8765\/v1\/chat\/completions -H /);
  // As a shell reads it: quotes end and begin again around each escaped one.
  const body = /-d (.*)$/s.exec(command)![1]!.replace(/'\\''/g, "\u0000").replace(/'/g, "").replace(/\u0000/g, "'");
  expect(JSON.parse(body)).toEqual(requestOf(SAVED));
  expect(requestOf(SAVED)).toMatchObject({ model: "golden-gate/l19w", seed: 3, max_tokens: 50, steering: [{ concept: "golden_gate_bridge", value: 1.2 }, {}] });
});

test("on a locked server its command takes the token from the shell, and the file holds none", () => {
  const command = curlOf("http://10.0.0.5:8765", SAVED, true);
  expect(command).toContain(`/v1/chat/completions -H "Authorization: Bearer $MONOSEMA_TOKEN" -H 'Content-Type`);
  expect(JSON.parse(textOf("http://10.0.0.5:8765", SAVED, true))).toMatchObject({ curl: command });
  expect(curlOf("http://10.0.0.5:8765", SAVED, false)).not.toContain("Authorization");
});

describe("a file that is none", () => {
  const file = (changes: object) => JSON.stringify({ ...(JSON.parse(textOf("", SAVED, false)) as object), ...changes });
  test("is refused in a sentence", () => {
    const cases: [string, RegExp][] = [
      ["{", /no JSON/],
      ["[1]", /no edit of Monosema/],
      ["null", /no edit of Monosema/],
      [file({ version: 2 }), /version 2/],
      [file({ sae: 3 }), /no study and SAE/],
      [file({ steering: "7" }), /no list/],
      [file({ steering: [null] }), /Entry 1/],
      [file({ steering: [{ feature: 7 }, { feature: -1 }] }), /Entry 2 of the edit names no feature/],
      [file({ steering: [{ feature: 7, operation: "melt" }] }), /not known/],
      [file({ steering: [{ feature: 7, raw: true, value: 30 }] }), /raw/],
      [file({ steering: [{ feature: 7, sae: "wide" }] }), /another SAE/],
      [file({ steering: [{ feature: 7, value: "2" }] }), /no number/],
    ];
    for (const [text, says] of cases) expect(() => parseFile(text)).toThrow(says);
  });

  test("but lacks a setting, or has a wild one, takes the usual", () => {
    expect(parseFile(file({ seed: -4, temperature: "hot", max_tokens: 1e9, steering: [{ feature: 7 }] }))).toMatchObject({
      settings: { seed: 0, temperature: 0.7, most: 100 },
      edits: [{ number: 7, operation: "clamp", value: 2, positions: "all" }],
    });
  });
});
