// How what has happened is told.

import { duration } from "./format.js";
import { faultText } from "./fault_names.js";
import { appName } from "./state.js";
import { t } from "./words.js";

let count = 0;
const keys = new WeakMap();

function keyOf(mark) {
  if (!keys.has(mark)) keys.set(mark, ++count);
  return keys.get(mark);
}

export const endpointText = (endpoint) => (endpoint === "*" ? t("allEndpoints") : endpoint);
export const appText = (id) => (id === "" ? "–" : appName(id));

export const deliveryText = ({ is_delivered, status, answer }) =>
  is_delivered ? `${status} ${answer}`.trim() : `${t("failed")}: ${answer}`;

/** A mark of the timeline as `{key, at, text, tone}`. */
export function describe(mark) {
  const [text, tone] = told(mark);
  return { key: keyOf(mark), at: mark.at, text, tone };
}

function told(mark) {
  const app = appText(mark.app ?? "");
  switch (mark.kind) {
    case "fault-on": {
      const text = t("fault-on", { fault: faultText(mark.fault), endpoint: endpointText(mark.endpoint) });
      return [mark.until ? t("faultFor", { text, time: duration(mark.until - mark.at) }) : text, "bad"];
    }
    case "fault-off":
      return [t("fault-off", { endpoint: endpointText(mark.endpoint) }), "ok"];
    case "quiet":
      if (mark.failed === 0) return [t("quietRefused", { app }), "warn"];
      return [t("quietMark", { app, time: duration(mark.since), failed: mark.failed }), "warn"];
    case "recovered":
      return [t("recoveredMark", { app, time: duration(mark.since) }), "ok"];
    case "webhook":
      return [t("webhookMark", { event: mark.event, user: mark.username, answer: deliveryText(mark) }), mark.is_delivered ? "" : "bad"];
    case "dialect":
      return [t("dialectMark", { dialect: mark.dialect }), ""];
    case "log_in":
      return [t("logInMark", { user: mark.username, app: appText(mark.app_id) }), ""];
    default:
      return [t("logOutMark", { user: mark.username }), ""];
  }
}
