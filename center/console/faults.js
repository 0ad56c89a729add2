// Switch faults on and off.

import { button, field, h, select } from "./dom.js";
import { ENDPOINTS, KINDS, faultOf } from "./fault_names.js";
import { duration } from "./format.js";
import { endpointText } from "./marks.js";
import { api } from "./session.js";
import { now, reload, state } from "./state.js";
import { table } from "./table.js";
import { attempt } from "./toast.js";
import { t } from "./words.js";

const DRILLS = [
  ["presetOutage", { kind: "refuse" }],
  ["preset503", { kind: "status", status: 503 }],
  ["presetHang", { kind: "hang" }],
  ["presetSlow", { kind: "slow" }],
];

const switchOn = (endpoint, fault, seconds) =>
  attempt(async () => {
    await api("POST", "faults", { endpoint, fault, ...(seconds > 0 ? { seconds } : {}) });
    reload();
  });

const switchOff = (endpoint) =>
  attempt(async () => {
    await api("POST", "faults/clear", { endpoint });
    reload();
  });

export function faults() {
  const drills = DRILLS.map(([name, fault]) => button(t(name), () => switchOn("*", fault, 30), { "data-action": name }));
  const active = table({
    label: t("faults"),
    key: (fault) => fault.endpoint,
    empty: t("noFaults"),
    columns: [
      { title: t("endpoint"), text: (fault) => endpointText(fault.endpoint), main: true },
      { title: t("kind"), text: (fault) => faultOf(fault.fault), tone: () => "bad" },
      { title: t("seconds"), text: (fault) => fault.until ? t("remaining", { time: duration(fault.until - now()) }) : t("untilOff") },
      {
        title: t("switchOff"), hidden: true, actions: true, of: (fault) => fault.endpoint,
        node: (fault) => button(t("switchOff"), () => switchOff(fault.endpoint), {
          "data-action": "off", "aria-label": `${t("switchOff")}: ${endpointText(fault.endpoint)}`,
        }),
      },
    ],
  });
  const { element: custom } = form();
  const element = h("section", { class: "card", "aria-label": t("faults") },
    h("div", { class: "head" }, h("h2", {}, t("faults"))),
    active.element,
    h("h3", {}, t("presets")),
    h("div", { class: "drills" }, drills),
    custom);
  return { element, update: () => active.update(state.faults) };
}

function form() {
  const endpoint = h("input", { list: "endpoints", value: "/user/info", required: true, spellcheck: "false" });
  const kind = select(KINDS.map((kind) => [kind, t(`kind.${kind}`)]), "status", { onchange: adapt });
  const status = h("input", { type: "number", min: 200, max: 599, value: "503" });
  const code = h("input", { type: "number", value: "500" });
  const seconds = h("input", { type: "number", min: 0, max: 86_400, value: "30" });
  const [statusField, codeField] = [field(t("status"), status), field(t("code"), code)];

  function adapt() {
    statusField.hidden = kind.value !== "status";
    codeField.hidden = kind.value !== "code";
  }
  adapt();

  function onsubmit(event) {
    event.preventDefault();
    const fault = { kind: kind.value };
    if (kind.value === "status") fault.status = Number(status.value);
    if (kind.value === "code") fault.code = Number(code.value);
    switchOn(endpoint.value.trim(), fault, Number(seconds.value));
  }

  const element = h("form", { class: "grid", onsubmit },
    field(t("endpoint"), endpoint, `*: ${t("allEndpoints")}`),
    h("datalist", { id: "endpoints" }, ["*", ...ENDPOINTS].map((value) => h("option", { value }))),
    field(t("kind"), kind), statusField, codeField,
    field(t("seconds"), seconds, t("secondsHint")),
    h("button", { class: "danger" }, t("switchOn")));
  return { element };
}
