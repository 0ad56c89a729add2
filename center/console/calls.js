// Calls as they arrive.

import { button, field, h, select, setText } from "./dom.js";
import { latency, time } from "./format.js";
import { appName, state } from "./state.js";
import { table } from "./table.js";
import { outcomeOf } from "./timeline.js";
import { t } from "./words.js";

/** More than that are not read by anybody. */
const SHOWN = 500;

const tone = (call) => ({ ok: "ok", refused: "warn", bad: "bad" })[outcomeOf(call)];

function outcomeText({ status, code }) {
  if (status === null) return t("noAnswer");
  return code === null || code === 0 ? String(status) : `${status} · ${t("codeIs", { code })}`;
}

export function calls() {
  let paused = null;
  const filter = h("input", { type: "search", placeholder: t("filterCalls"), oninput: update, id: "filter" });
  const outcome = select([["", t("all")], ["ok", t("onlyOk")], ["refused", t("onlyRefused")], ["bad", t("onlyBad")]], "", { onchange: update });
  const pause = button(t("pause"), () => {
    paused = paused ? null : state.calls.latest(Infinity);
    setText(pause, t(paused ? "resume" : "pause"));
    pause.setAttribute("aria-pressed", String(paused !== null));
    update();
  }, { "aria-pressed": "false" });
  const list = table({
    label: t("calls"),
    // By place: at a thousand calls a second every line is another call each time, and none has anything to keep.
    key: (_, place) => place,
    step: 50,
    empty: () => (state.calls.length > 0 ? t("noMatch") : t("noCalls", { url: state.url })),
    columns: [
      { title: t("time"), text: (call) => time(call.at, true), code: true },
      { title: t("endpoint"), text: (call) => call.endpoint, main: true },
      { title: t("outcome"), text: outcomeText, tone },
      { title: t("latency"), text: (call) => latency(call.latency_ms), number: true },
      { title: t("app"), text: (call) => (call.app_id === null ? "" : appName(call.app_id)) },
      { title: t("user"), text: (call) => call.username ?? "" },
      { title: t("traceId"), text: (call) => call.trace_id ?? "", code: true, titled: true },
      { title: t("dialect"), text: (call) => call.dialect, code: true },
    ],
  });

  function update() {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const isWanted = (call) =>
      (outcome.value === "" || outcomeOf(call) === outcome.value) &&
      words.every((word) => [call.endpoint, call.app_id, call.username, call.trace_id, call.dialect]
        .some((text) => text?.toLowerCase().includes(word)));
    const found = paused ? paused.filter(isWanted).slice(0, SHOWN) : state.calls.latest(SHOWN, isWanted);
    list.update(found, found.length);
  }

  const element = h("section", { class: "card", "aria-label": t("calls") },
    h("div", { class: "head" }, h("h2", {}, t("calls")), h("span", { class: "grow" }), pause),
    h("div", { class: "filters" }, field(t("filter"), filter), field(t("outcome"), outcome)),
    list.element);
  return { element, update };
}
