// Types of the API, made from the server's description of itself: `npm run types` writes them, a test compares them.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import openapiTS, { astToString } from "openapi-typescript";

export const TYPES = fileURLToPath(new URL("./src/api/types.ts", import.meta.url));
const HEAD = "// Made by `make web-types` from the server's OpenAPI; not to be edited.\n\n";

/** The text of `types.ts` for the server as it is. */
export async function makeTypes() {
  const python = process.env.MONOSEMA_PYTHON ?? fileURLToPath(new URL("../.venv/bin/python", import.meta.url));
  const schema = execFileSync(python, ["-m", "monosema.server.openapi"], { maxBuffer: 64 * 2 ** 20, encoding: "utf8" });
  return HEAD + astToString(await openapiTS(JSON.parse(schema), { defaultNonNullable: false, alphabetize: true }));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(TYPES, await makeTypes());
