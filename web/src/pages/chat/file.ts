// An edit as a file: what any program needs to steer in the same way, and this page to open it again.
import { CHAT, type ChatRequest, type Steer } from "../../api/chat";
import { type Edit, MOST_EDITS, OPERATIONS, POSITIONS, fits, steeringOf } from "./edits";
import { SEEDS, type Settings, USUAL } from "./settings";

export interface Saved {
  study: string;
  sae: string;
  edits: Edit[];
  settings: Settings;
  /** The first question; null where nothing was asked. */
  prompt: string | null;
}

export const MEDIA = "application/json";

/** What asks for the steered answer to a question. */
export function requestOf({ study, sae, edits, settings, prompt }: Saved): ChatRequest {
  return {
    model: `${study}/${sae}`,
    messages: [{ role: "user", content: prompt ?? "Who are you?" }],
    steering: steeringOf(edits),
    seed: settings.seed,
    temperature: settings.temperature,
    max_tokens: settings.most,
  };
}

/** The same as one command of a shell; where the server is locked, it takes the token from the shell's environment. */
export function curlOf(origin: string, saved: Saved, locked: boolean): string {
  const body = JSON.stringify(requestOf(saved)).replace(/'/g, "'\\''");
  const token = locked ? ' -H "Authorization: Bearer $MONOSEMA_TOKEN"' : "";
  return `curl ${origin}${CHAT}${token} -H 'Content-Type: application/json' -d '${body}'`;
}

export function textOf(origin: string, saved: Saved, locked: boolean): string {
  const { study, sae, edits, settings, prompt } = saved;
  const file = {
    monosema: "edit",
    version: 1,
    study,
    sae,
    steering: steeringOf(edits),
    seed: settings.seed,
    temperature: settings.temperature,
    max_tokens: settings.most,
    prompt,
    curl: curlOf(origin, saved, locked),
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

/** A name for it that says what is in it. */
export function nameOf({ study, sae, edits }: Saved): string {
  const what = edits.slice(0, 3).map((edit) => (edit.kind === "dose" ? edit.concept : edit.number));
  return `${[study, sae, ...what].join("-").replace(/[^\w.-]+/g, "_")}.edit.json`;
}

/** What a file says. Throws an `Error` with one sentence for people where it is no such file. */
export function parseFile(text: string): Saved {
  let file: Record<string, unknown>;
  try {
    file = JSON.parse(text) as Record<string, unknown>;
  } catch {
    throw new Error("This file is no JSON.");
  }
  if (file?.monosema !== "edit") throw new Error("This file holds no edit of Monosema.");
  if (file.version !== 1) throw new Error(`This edit is of version ${String(file.version)}; this page reads version 1.`);
  const { study, sae, steering } = file;
  if (typeof study !== "string" || typeof sae !== "string") throw new Error("The edit names no study and SAE.");
  if (!Array.isArray(steering) || steering.length > MOST_EDITS) throw new Error(`The edit has no list of at most ${MOST_EDITS} things to steer by.`);
  const number = (value: unknown, low: number, high: number, usual: number) => (typeof value === "number" && value >= low && value <= high ? value : usual);
  return {
    study,
    sae,
    edits: steering.map((one, place) => editOf(one as Steer, place)),
    settings: {
      seed: Math.floor(number(file.seed, 0, SEEDS - 1, USUAL.seed)),
      temperature: number(file.temperature, 0, 2, USUAL.temperature),
      most: Math.floor(number(file.max_tokens, 1, 2048, USUAL.most)),
    },
    prompt: typeof file.prompt === "string" && file.prompt.trim() ? file.prompt : null,
  };
}

function editOf(one: Steer | null, place: number): Edit {
  const wrong = (what: string) => new Error(`Entry ${place + 1} of the edit ${what}.`);
  if (!one || typeof one !== "object") throw wrong("is none");
  if (one.raw) throw wrong("tells a raw activation; this page takes multiples of the maximum");
  if (one.sae) throw wrong("is of another SAE; this page steers by one");
  const { value } = one;
  if (value !== undefined && value !== null && !Number.isFinite(value)) throw wrong("has no number as its value");
  if (typeof one.concept === "string" && one.concept) return { kind: "dose", concept: one.concept, value: value ?? 1 };
  if (!Number.isInteger(one.feature) || one.feature! < 0) throw wrong("names no feature and no concept");
  const operation = OPERATIONS.find(({ id }) => id === (one.operation ?? "clamp"));
  const positions = POSITIONS.find(({ id }) => id === (one.positions ?? "all"));
  if (!operation || !positions || !fits(operation.id, positions.id)) throw wrong("has an operation or positions that are not known here");
  return { kind: "feature", number: one.feature!, operation: operation.id, value: value ?? 2, positions: positions.id };
}
