// Usage records: sums by user, and the latest ones.

import { field, h } from "./dom.js";
import { cost, latency, number } from "./format.js";
import { appName, state } from "./state.js";
import { table } from "./table.js";
import { t } from "./words.js";

const SHOWN = 500;

export function usage() {
  const filter = h("input", { type: "search", placeholder: t("filterUsage"), oninput: update, id: "filter" });
  const sums = table({
    label: t("byUser"),
    key: (sum) => sum.key,
    empty: t("noUsage"),
    columns: [
      { title: t("user"), text: (sum) => sum.name, main: true },
      { title: t("cost"), text: (sum) => cost(sum.cost), number: true },
      { title: t("records"), text: (sum) => number(sum.records), number: true },
      { title: t("failedRecords"), text: (sum) => number(sum.failed), number: true, tone: (sum) => (sum.failed > 0 ? "bad" : "") },
      { title: t("meanTime"), text: (sum) => latency((sum.seconds / sum.records) * 1_000), number: true },
    ],
  });
  const latest = table({
    label: t("latestRecords"),
    key: (_, place) => place,
    step: 50,
    empty: () => (state.usage.records.length > 0 ? t("noMatch") : t("noUsage")),
    columns: [
      { title: t("request"), text: (record) => `${record.method} ${record.path}`, main: true, titled: true },
      { title: t("status"), text: (record) => String(record.status), tone: (record) => (record.status >= 500 ? "bad" : record.status >= 400 ? "warn" : "ok") },
      { title: t("latency"), text: (record) => latency(record.seconds * 1_000), number: true },
      { title: t("cost"), text: (record) => (record.cost ? cost(record.cost) : ""), number: true },
      { title: t("user"), text: (record) => record.user || t("noUser") },
      { title: t("app"), text: (record) => appName(record.app) },
    ],
  });

  function update() {
    const { byUser, total, records } = state.usage;
    const users = [...byUser].map(([user, sum]) => ({ ...sum, key: `user ${user}`, name: user || t("noUser") }));
    users.sort((one, other) => other.cost - one.cost || other.records - one.records);
    const all = { ...total, key: "total", name: t("total") };
    sums.update(users.length > 1 ? [all, ...users] : users);
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const isWanted = (record) => words.every((word) => [record.user, record.path, record.app].some((text) => text.toLowerCase().includes(word)));
    const found = records.latest(SHOWN, isWanted);
    latest.update(found, words.length === 0 ? records.length : found.length);
  }

  const element = h("div", { class: "stack" },
    h("section", { class: "card", "aria-label": t("byUser") }, h("div", { class: "head" }, h("h2", {}, t("byUser"))), sums.element),
    h("section", { class: "card", "aria-label": t("latestRecords") },
      h("div", { class: "head" }, h("h2", {}, t("latestRecords"))),
      h("div", { class: "filters" }, field(t("filter"), filter)), latest.element));
  return { element, update };
}
