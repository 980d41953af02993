// What a person says of a feature: a name of one's own and a note.
import { OWN } from "../lib/names";
import { names, type Place } from "../shell/place";
import { client } from "./client";
import type { FeatureRecord } from "./records";

export interface Said {
  name: string;
  text: string;
}

/** Characters that the server takes. */
export const LONGEST = { name: 120, text: 4000 } as const;

/** What is said of a feature; empty where nobody says anything. */
export function saidOf({ name, note }: Pick<FeatureRecord, "name" | "note">): Said {
  return { name: name?.rule === OWN ? name.text : "", text: note };
}

/** Keeps what is said; empty texts take it away. Fails as `changed` where something else was noted since the page looked. */
export async function keep(place: Place, number: number, { name, text }: Said): Promise<Said> {
  const path = "/api/v1/studies/{study}/saes/{sae}/features/{number}/note";
  return client.put(path, { ...names(place), number }, { v: place.v }, { name, text });
}
