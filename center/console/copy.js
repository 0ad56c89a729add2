// Copy a credential, or a line for a shell with it.

import { text } from "./dialog.js";
import { button } from "./dom.js";
import { quoted } from "./format.js";
import { rows, state } from "./state.js";
import { toast } from "./toast.js";
import { t } from "./words.js";

async function copy(content) {
  try {
    await navigator.clipboard.writeText(content);
    toast(t("copied"));
  } catch {
    // No permission, or no secure context: the address is not of this machine.
    text(t("copyByHand"), content);
  }
}

export const copyButton = (label, content, properties) => button(label, () => copy(content()), properties);

/** A call of the center, as the app does it. */
export function curl(endpoint, body, appId) {
  const app = rows("apps").find(({ value }) => value.id === appId)?.value ?? rows("apps")[0].value;
  const headers = [`X-App-Id: ${app.id}`, `X-App-Secret: ${app.secret}`, "Content-Type: application/json"];
  return [
    "curl", ...headers.flatMap((header) => ["-H", quoted(header)]), "-d", quoted(JSON.stringify(body)), quoted(`${state.url}/sdk${endpoint}`),
  ].join(" ");
}
