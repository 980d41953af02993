import { expect, test } from "vitest";
import { formatTurns, nextRole, parseTurns, promptOf } from "./turns";

test("turns come back from an address as they were, colons and lines too", () => {
  const turns = [
    { role: "user", content: "Time: 10:30?\nYes" },
    { role: "assistant", content: "" },
  ];
  expect(parseTurns(formatTurns(turns))).toEqual(turns);
  expect(parseTurns(["Hello"])).toEqual([{ role: "user", content: "Hello" }]);
});

test("after the user speaks the assistant, else the user", () => {
  expect(nextRole([])).toBe("user");
  expect(nextRole([{ role: "user", content: "" }])).toBe("assistant");
  expect(nextRole([{ role: "system", content: "" }])).toBe("user");
});

test("a prompt is a text or the turns that say something, and nothing where nothing is said", () => {
  expect(promptOf(" a", null)).toEqual({ text: " a" });
  expect(promptOf("  ", null)).toBeNull();
  const turns = [
    { role: "system", content: " " },
    { role: "user", content: "Hi" },
  ];
  expect(promptOf("unused", turns)).toEqual({ messages: [turns[1]] });
  expect(promptOf("unused", [turns[0]!])).toBeNull();
});
