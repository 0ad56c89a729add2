// Figures, the timeline, and the faults.

import { h, select, setText } from "./dom.js";
import { chart } from "./chart.js";
import { faults } from "./faults.js";
import { describe } from "./marks.js";
import { number, time } from "./format.js";
import { now, rows, state } from "./state.js";
import { table } from "./table.js";
import { t } from "./words.js";
import * as prefs from "./prefs.js";

const OFFLINE = 120_000;

export function overview() {
  const tiles = ["callsTotal", "failedLast", "activeFaults", "servicesOnline", "usersTotal"].map((name) => {
    const value = h("dd", {}, "0");
    return { name, value, element: h("div", { class: "tile" }, h("dt", {}, t(name)), value) };
  });
  const range = select([1, 5, 15].map((minutes) => [minutes, t("minutes", { count: minutes })]), prefs.get("range") ?? "5", {
    "aria-label": t("range"), onchange: () => { prefs.put("range", range.value); update(); },
  });
  const picture = chart();
  const list = table({
    label: t("timeline"),
    key: (mark) => mark.key,
    step: 12,
    empty: t("nothingYet"),
    columns: [
      { title: t("time"), text: (mark) => time(mark.at), code: true },
      { title: t("event"), text: (mark) => mark.text, tone: (mark) => mark.tone || "none", dot: true },
    ],
  });
  const switches = faults();
  const element = h("div", { class: "stack" },
    h("dl", { class: "tiles" }, tiles.map((tile) => tile.element)),
    h("div", { class: "columns" },
      h("section", { class: "card", "aria-label": t("timeline") },
        h("div", { class: "head" }, h("h2", {}, t("timeline")), picture.legend, h("span", { class: "grow" }), range),
        picture.element, list.element),
      switches.element));

  function update() {
    const { all, marks } = state.timeline;
    const second = Math.floor(now() / 1_000) + 1;
    let failed = 0;
    for (let back = 1; back <= 60; back++) failed += all.at(second - back)?.bad ?? 0;
    const figures = {
      callsTotal: all.sum(second, 60),
      failedLast: failed,
      activeFaults: state.faults.length,
      servicesOnline: state.instances.filter((instance) => now() - instance.last_seen.secs_since_epoch * 1_000 < OFFLINE).length,
      usersTotal: rows("users").length,
    };
    for (const tile of tiles) {
      setText(tile.value, number(figures[tile.name]));
      const isBad = figures[tile.name] > 0 && (tile.name === "failedLast" || tile.name === "activeFaults");
      tile.value.dataset.tone = isBad ? "bad" : "";
    }
    picture.update(Number(range.value));
    list.update(marks.map(describe).reverse());
    switches.update();
  }

  return { element, update, isAlive: true };
}
