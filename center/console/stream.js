// Server-sent events, by fetch. One message in hand at a time: a slow page slows its own stream, and the center, which keeps the
// latest events, tells how many were missed.

import { open } from "./session.js";

const RETRY = 1_000;

/** Calls `onmessage({missed, events})` for each message, and `onstate("live" | "lost" | "refused")`; begins again when cut. */
export async function follow(after, { onmessage, onstate }) {
  for (;;) {
    try {
      const response = await open(after);
      if (response.status === 401) return onstate("refused");
      if (!response.ok) throw new Error(response.statusText);
      onstate("live");
      for await (const message of messages(response.body)) {
        const last = message.events.at(-1);
        if (last) after = last.id;
        onmessage(message);
      }
    } catch {
      // Cut, or there is no center: it may come again.
    }
    onstate("lost");
    await new Promise((resolve) => setTimeout(resolve, RETRY));
  }
}

async function* messages(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const data = part.split("\n").filter((line) => line.startsWith("data: "));
      if (data.length > 0) yield JSON.parse(data.map((line) => line.slice(6)).join("\n"));
    }
  }
}
