// What is read: a text, or a chat as turns. The address keeps a turn as `user:Who are you?`.

export interface Turn {
  role: string;
  content: string;
}

export const ROLES: readonly string[] = ["user", "assistant", "system"];

export function parseTurns(texts: readonly string[]): Turn[] {
  return texts.map((text) => {
    const end = text.indexOf(":");
    return end < 0 ? { role: "user", content: text } : { role: text.slice(0, end), content: text.slice(end + 1) };
  });
}

export function formatTurns(turns: readonly Turn[]): string[] {
  return turns.map(({ role, content }) => `${role}:${content}`);
}

/** Who most likely speaks next. */
export function nextRole(turns: readonly Turn[]): string {
  return turns.at(-1)?.role === "user" ? "assistant" : "user";
}

/** What the API takes as a prompt; null where nothing was written. */
export function promptOf(text: string, turns: readonly Turn[] | null): { text: string } | { messages: Turn[] } | null {
  if (turns === null) return text.trim() ? { text } : null;
  const messages = turns.filter(({ content }) => content.trim());
  return messages.length ? { messages } : null;
}
