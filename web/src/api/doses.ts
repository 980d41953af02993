// Stored doses: how strongly to steer so that a concept shows.
import { names, type Place } from "../shell/place";
import { client } from "./client";
import type { DoseRecord } from "./records";

export interface Doses {
  records: DoseRecord[];
  /** What to type for another one. */
  command: string;
}

/** All doses of an SAE, each with every dose that was sampled for it. */
export async function doses(place: Place, signal?: AbortSignal): Promise<Doses> {
  const list = await client.ask("/api/v1/studies/{study}/saes/{sae}/doses", names(place), {}, signal);
  const path = "/api/v1/studies/{study}/saes/{sae}/doses/{concept}";
  const records = await Promise.all(list.doses.map(({ concept }) => client.ask(path, { ...names(place), concept }, {}, signal)));
  return { records, command: list.command };
}
