// How a statistic is spread over the features that fire: a histogram with logarithmic bins.
import { names, type Place } from "../shell/place";
import { client } from "./client";
import type { Distribution } from "./records";

export type { Distribution };
export type Statistic = Distribution["statistic"];

/** Null where no feature fires. */
export async function distribution(place: Place, statistic: Statistic, signal?: AbortSignal): Promise<Distribution | null> {
  const found = await client.ask("/api/v1/studies/{study}/saes/{sae}/distribution", names(place), { v: place.v, statistic }, signal);
  return found.fires ? found : null;
}
