// The picture of the timeline: bars by time, a band for each fault, and a lane for each app. Each colour is one path, so that a
// thousand bars are a few elements.

import { h, svg } from "./dom.js";
import { now, state } from "./state.js";
import { appText } from "./marks.js";
import { number, time } from "./format.js";
import { t } from "./words.js";

const [HEIGHT, TOP, LANE, GAP, AXIS] = [110, 8, 10, 8, 18];
const OUTCOMES = ["ok", "refused", "bad"];

export function chart() {
  const bands = svg("path", { class: "band" });
  const bars = Object.fromEntries(OUTCOMES.map((name) => [name, svg("path", { class: name })]));
  const lanes = Object.fromEntries([...OUTCOMES, "quiet"].map((name) => [name, svg("path", { class: `lane ${name}` })]));
  const base = svg("path", { class: "base" });
  const texts = svg("g", { class: "texts" });
  const picture = svg("svg", { role: "img", class: "chart" }, bands, base, Object.values(bars), Object.values(lanes), texts);
  const legend = h("span", { class: "legend", "aria-hidden": "true" },
    [["ok", "ok"], ["refused", "refusedCalls"], ["bad", "bad"], ["quiet", "quiet"], ["band", "fault"]]
      .map(([name, word]) => h("span", { class: `key ${name}` }, t(word))));

  function update(minutes) {
    const width = Math.max(200, Math.floor(picture.clientWidth || picture.parentNode?.clientWidth || 600));
    const apps = [...state.timeline.apps];
    const height = TOP + HEIGHT + apps.length * (LANE + GAP + 10) + AXIS;
    const seconds = minutes * 60;
    // Bars of whole pixels: as many seconds each as make three pixels.
    const step = Math.max(1, Math.ceil((seconds * 4) / width));
    const count = Math.ceil(seconds / step);
    const pixels = width / count;
    const last = Math.floor(now() / 1_000 / step) * step;
    const first = last - (count - 1) * step;
    const x = (second) => ((second - first) / step) * pixels;

    const sums = { ok: 0, refused: 0, bad: 0 };
    const columns = collect(state.timeline.all, first, step, count);
    const peak = Math.max(1, ...columns.map((column) => column.ok + column.refused + column.bad));
    const paths = { ok: "", refused: "", bad: "" };
    columns.forEach((column, at) => {
      let y = TOP + HEIGHT;
      for (const name of OUTCOMES) {
        if (column[name] === 0) continue;
        sums[name] += column[name];
        const size = Math.max(1, (column[name] / peak) * HEIGHT);
        y -= size;
        paths[name] += box(at * pixels, y, pixels - 1, size);
      }
    });
    for (const name of OUTCOMES) bars[name].setAttribute("d", paths[name]);

    const on = state.timeline.faults.filter((fault) => (fault.to ?? Infinity) >= first * 1_000);
    bands.setAttribute("d", on.map((fault) => {
      const from = Math.max(0, x(fault.from / 1_000));
      const to = Math.min(width, fault.to === null ? width : x(fault.to / 1_000));
      return box(from, 0, Math.max(2, to - from), height - AXIS);
    }).join(""));

    const told = [text(4, TOP + 8, t("peak", { count: number(Math.ceil(peak / step)) }))];
    const drawn = { ok: "", refused: "", bad: "", quiet: "" };
    apps.forEach(([app, lane], row) => {
      const y = TOP + HEIGHT + row * (LANE + GAP + 10) + GAP + 10;
      told.push(text(4, y - 3, appText(app)));
      collect(lane, first, step, count).forEach((column, at) => {
        const name = column.bad > 0 ? "bad" : column.ok > 0 ? "ok" : column.refused > 0 ? "refused" : null;
        if (name) drawn[name] += box(at * pixels, y, pixels + 0.5, LANE);
      });
      for (const { from, to } of quiet(app)) {
        const left = Math.max(0, x(from / 1_000));
        const right = Math.min(width, x(to / 1_000));
        if (right > left) drawn.quiet += box(left, y + 1, right - left, LANE - 2);
      }
    });
    for (const name of Object.keys(drawn)) lanes[name].setAttribute("d", drawn[name]);
    base.setAttribute("d", `M0 ${TOP + HEIGHT + 0.5}H${width}`);
    const marks = width < 500 ? 2 : 5;
    for (let mark = 0; mark <= marks; mark++) {
      const second = first + ((last - first) * mark) / marks;
      const anchor = mark === 0 ? "start" : mark === marks ? "end" : "middle";
      told.push(text((width * mark) / marks, height - 4, time(second * 1_000), anchor));
    }
    texts.replaceChildren(...told);
    picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    picture.setAttribute("height", height);
    picture.setAttribute("aria-label", t("chartOf", { minutes, ...sums }));
  }

  return { element: h("div", { class: "picture" }, picture), legend, update };
}

/** When an app did not call in a fault: `{from, to}`. */
function quiet(app) {
  const spans = [];
  for (const mark of state.timeline.marks) {
    if (mark.app !== app) continue;
    if (mark.kind === "quiet") spans.push({ from: mark.at, to: now() });
    else if (mark.kind === "recovered" && spans.length > 0) spans.at(-1).to = Math.min(spans.at(-1).to, mark.at);
  }
  return spans;
}

function collect(lane, first, step, count) {
  const columns = [];
  for (let at = 0; at < count; at++) {
    const column = { ok: 0, refused: 0, bad: 0 };
    for (let second = first + at * step; second < first + (at + 1) * step; second++) {
      const counts = lane.at(second);
      if (counts) for (const name of OUTCOMES) column[name] += counts[name];
    }
    columns.push(column);
  }
  return columns;
}

const round = (value) => Math.round(value * 10) / 10;
const box = (x, y, width, height) => `M${round(x)} ${round(y)}h${round(width)}v${round(height)}h${-round(width)}z`;
const text = (x, y, content, anchor = "start") => svg("text", { x, y, "text-anchor": anchor }, content);
