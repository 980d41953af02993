// Whether the server asks for a token. A page that was let in by a link cannot tell: it asks as a stranger would.
import { MODELS } from "./chat";

/** True where a stranger is refused; false, too, where nobody answers. */
export async function isLocked(): Promise<boolean> {
  const answer = await fetch(MODELS, { credentials: "omit", cache: "no-store" }).catch(() => null);
  return answer?.status === 401;
}
