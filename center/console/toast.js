// Short notes in a corner, which screen readers read out.

import { h } from "./dom.js";

const MAX = 4;
const TIME = 6_000;

const region = h("div", { id: "toasts", role: "status", "aria-live": "polite" });

export const element = region;

export function toast(text, tone = "ok") {
  const note = h("p", { class: "toast", "data-tone": tone }, text);
  region.append(note);
  while (region.children.length > MAX) region.firstChild.remove();
  setTimeout(() => note.remove(), TIME);
}

/** Carries out a command of a button: what goes wrong is said. */
export async function attempt(command, done) {
  try {
    await command();
    if (done) toast(done);
  } catch (error) {
    toast(error.message, "bad");
  }
}
