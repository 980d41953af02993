// Server-sent events as they come over the wire.

/**
 * The data of each event of a stream, in order; several data lines of one event are joined by line breaks.
 *
 * Lines may end in any of the three ways, chunks may end within a line or within a character, and an event that the end
 * of the stream cuts off is none.
 */
export async function* eventsOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let data: string[] = [];
  try {
    for (;;) {
      const { value, done } = await reader.read();
      text += done ? decoder.decode() : decoder.decode(value, { stream: true });
      for (;;) {
        // A carriage return at the very end may be the first half of a line's end.
        const end = /\r\n|\n|\r(?!$)/.exec(text);
        if (!end) break;
        const line = text.slice(0, end.index);
        text = text.slice(end.index + end[0].length);
        if (line === "" && data.length) {
          yield data.join("\n");
          data = [];
        } else if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
      }
      if (done) return;
    }
  } finally {
    // Who stops reading wants no more of it: the server's work ends, too.
    await reader.cancel().catch(() => undefined);
  }
}
