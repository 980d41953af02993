import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { makeTypes, TYPES } from "../../make-types.mjs";

test("the types are those of the server as it is (else: make web-types)", { timeout: 120_000 }, async () => {
  expect(readFileSync(TYPES, "utf8") === (await makeTypes())).toBe(true);
});
