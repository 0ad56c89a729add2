// What the receivers of webhooks answered.

import { h } from "./dom.js";
import { latency, time } from "./format.js";
import { deliveryText } from "./marks.js";
import { rows, state } from "./state.js";
import { table } from "./table.js";
import { toast } from "./toast.js";
import { t } from "./words.js";

let announced = 0;

/** Says what the answer to the latest webhooks was. */
export function announce() {
  for (const delivery of state.deliveries.latest(3, ({ id }) => id > announced).reverse()) {
    announced = Math.max(announced, delivery.id);
    toast(`${delivery.event} → ${delivery.url}: ${deliveryText(delivery)}`, delivery.is_delivered ? "ok" : "bad");
  }
}

/** Says that a change is told to nobody. */
export function warnIfUntold(event) {
  if (!rows("webhooks").some(({ value }) => value.events?.includes(event))) toast(t("noWebhook", { event }), "warn");
}

export function deliveries() {
  const list = table({
    label: t("deliveries"),
    key: (delivery) => delivery.id,
    empty: t("noDeliveries"),
    columns: [
      { title: t("time"), text: (delivery) => time(delivery.at), code: true },
      { title: t("event"), text: (delivery) => `${delivery.event} · ${delivery.username}`, main: true },
      { title: t("receiver"), text: (delivery) => delivery.url, code: true, titled: true },
      { title: t("answer"), text: deliveryText, tone: (delivery) => (delivery.is_delivered ? "ok" : "bad"), titled: true },
      { title: t("attempts"), text: (delivery) => String(delivery.attempts), number: true },
      { title: t("latency"), text: (delivery) => latency(delivery.latency_ms), number: true },
    ],
  });
  const element = h("section", { class: "card", "aria-label": t("deliveries") },
    h("div", { class: "head" }, h("h2", {}, t("deliveries"))), list.element);
  return { element, update: () => list.update(state.deliveries.latest(200)) };
}
