// The way into Chat from elsewhere.
import { link, type Place } from "../../shell/place";
import { editQuery, steered } from "./edits";

/** Chat with one feature held. */
export function steerLink(place: Place, number: number): string {
  return link(place, "chat", null, { edit: editQuery([steered(number)]) });
}
