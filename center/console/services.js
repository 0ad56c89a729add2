// Registered services, their configuration, and webhooks.

import { confirm, form } from "./dialog.js";
import { button, field, h } from "./dom.js";
import { duration, millisOf } from "./format.js";
import { api } from "./session.js";
import { now, reload, rows, state } from "./state.js";
import { table } from "./table.js";
import { t } from "./words.js";

/** As the center has it: an instance is online until two minutes after its heartbeat. */
const OFFLINE = 120_000;

function configure(known) {
  const name = h("input", { required: true, value: known?.name ?? "", spellcheck: "false" });
  const value = h("textarea", { rows: 10, class: "code", spellcheck: "false", value: JSON.stringify(known?.value ?? {}, null, 2) });
  form({
    title: known ? t("configOf", { name: known.name }) : t("addConfig"),
    content: h("div", { class: "form" }, !known && field(t("services_one"), name), field(t("configuration"), value, t("configHint"))),
    action: t("save"),
    async submit() {
      let config;
      try {
        config = JSON.parse(value.value);
      } catch (error) {
        throw new Error(t("notJson", { error: error.message }));
      }
      await api("PUT", `services/config?name=${encodeURIComponent(name.value.trim())}`, config);
      reload();
    },
  });
}

const endWebhook = (webhook) =>
  confirm(t("endWebhook"), t("endWebhookHint"), t("end"), async () => {
    await api("DELETE", `webhooks/${webhook.webhook_id}`);
    reload();
  });

const age = (instance) => now() - millisOf(instance.last_seen);

export function services() {
  const instances = table({
    label: t("registered"),
    key: (instance) => instance.id,
    empty: t("noServices"),
    columns: [
      { title: t("services_one"), text: (instance) => instance.name, main: true },
      { title: t("state"), of: (instance) => age(instance) < OFFLINE, node: (instance) => {
        const isOnline = age(instance) < OFFLINE;
        return h("span", { class: "badge", "data-tone": isOnline ? "ok" : "bad" }, t(isOnline ? "online" : "offline"));
      } },
      { title: t("heartbeat"), text: (instance) => t("ago", { time: duration(age(instance)) }), tone: (instance) => (age(instance) > OFFLINE / 2 ? "warn" : "") },
      { title: t("environment"), text: (instance) => instance.environment },
      { title: t("address"), text: ({ attributes }) => [attributes.host, attributes.port].filter(Boolean).join(":"), code: true },
      { title: t("version"), text: ({ attributes }) => String(attributes.version ?? ""), code: true },
      { title: t("instance"), text: (instance) => instance.instance_id, code: true, titled: true },
    ],
  });
  const configs = table({
    label: t("configuration"),
    key: (config) => config.name,
    empty: t("noConfigs"),
    columns: [
      { title: t("services_one"), text: (config) => config.name, main: true },
      { title: t("version"), text: (config) => String(config.version), number: true },
      { title: t("configuration"), text: (config) => JSON.stringify(config.value), code: true, titled: true },
      { title: t("edit"), hidden: true, actions: true,
        node: (config) => button(t("configure"), () => configure(config), { "data-action": "configure", "aria-label": `${t("configure")}: ${config.name}` }) },
    ],
  });
  const webhooks = table({
    label: t("webhooks"),
    key: (webhook) => webhook.webhook_id,
    empty: t("noWebhooks"),
    columns: [
      { title: t("receiver"), text: (webhook) => String(webhook.url ?? ""), code: true, main: true },
      { title: t("events"), of: (webhook) => webhook.events, node: (webhook) =>
        h("span", { class: "chips" }, (webhook.events ?? []).map((event) => h("span", { class: "chip" }, String(event)))) },
      { title: t("end"), hidden: true, actions: true,
        node: (webhook) => button(t("end"), () => endWebhook(webhook), { "data-action": "end", class: "quiet-danger", "aria-label": `${t("end")}: ${webhook.url}` }) },
    ],
  });

  function update() {
    instances.update(state.instances);
    const set = new Map(rows("configs").map(({ key, value }) => [key, { name: key, ...value }]));
    for (const { name } of state.instances) if (!set.has(name)) set.set(name, { name, value: {}, version: 1 });
    configs.update([...set.values()]);
    webhooks.update(rows("webhooks").map(({ value }) => value));
  }

  const section = (title, list, add) => h("section", { class: "card", "aria-label": title },
    h("div", { class: "head" }, h("h2", {}, title), h("span", { class: "grow" }), add), list.element);
  const element = h("div", { class: "stack" },
    section(t("registered"), instances),
    section(t("configuration"), configs, button(t("addConfig"), () => configure(null))),
    section(t("webhooks"), webhooks));
  return { element, update, isAlive: true };
}
