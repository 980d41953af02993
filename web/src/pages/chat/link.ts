// The way into Chat from elsewhere.
import { link, type Place } from "../../shell/place";
import { editQuery, steered, USUAL } from "./edits";

/** Chat with a concept at its stored dose. */
export function doseLink(place: Place, concept: string): string {
  return link(place, "chat", null, { edit: editQuery([{ kind: "dose", concept, value: 1 }]) });
}

/** Chat with one feature held at a multiple of its largest activation. */
export function steerLink(place: Place, number: number, value = USUAL): string {
  return link(place, "chat", null, { edit: editQuery([{ ...steered(number), value }]) });
}
