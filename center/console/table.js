// A table of limited length, whose rows stay the same elements while they show the same: focus and selection survive.

import { button, h, setText } from "./dom.js";
import { t } from "./words.js";

/** Rows at first, and with each "more". */
const STEP = 100;

/**
 * `columns` are `{title, text(row)}` or `{title, node(row)}`, with `number`, `code`, `tone(row)`, `dot` and `main` as they look.
 * `update(rows, count)` shows the first of `rows`, of `count` that there are.
 */
export function table({ label, columns, key, empty, step = STEP }) {
  let limit = step;
  let last = [[], 0];
  const shown = new Map();
  const body = h("tbody", { role: "rowgroup" });
  const head = h("tr", { role: "row" }, columns.map((column) =>
    h("th", { role: "columnheader", scope: "col", class: column.number ? "number" : null },
      column.hidden ? h("span", { class: "hidden" }, column.title) : column.title)));
  const element = h("table", { role: "table", "aria-label": label },
    h("thead", { role: "rowgroup" }, head), body);
  const nothing = h("p", { class: "empty" });
  const count = h("span", { class: "muted" });
  const more = button(t("more"), () => {
    limit += step;
    update(...last);
  });
  const foot = h("div", { class: "foot" }, count, more);

  function make(row, id) {
    const cells = columns.map((column) => {
      const classes = [column.number && "number", column.code && "code", column.main && "main", column.dot && "dot", column.actions && "actions"];
      return h("td", { role: "cell", "data-label": column.hidden ? null : column.title, class: classes.filter(Boolean).join(" ") });
    });
    return { element: h("tr", { role: "row" }, cells), cells, signatures: [], id };
  }

  function fill(line, row) {
    columns.forEach((column, at) => {
      const cell = line.cells[at];
      if (column.text) {
        const text = column.text(row);
        setText(cell, text);
        cell.classList.toggle("none", text === "");
        if (column.titled) cell.title = text;
        const tone = column.tone?.(row) ?? "";
        if (cell.dataset.tone !== tone) cell.dataset.tone = tone;
        return;
      }
      // What it shows, else the row: a cell is made again only if that has changed.
      const signature = JSON.stringify(column.of ? column.of(row) : row);
      if (line.signatures[at] === signature) return;
      line.signatures[at] = signature;
      const focused = cell.contains(document.activeElement) ? document.activeElement.dataset.action : null;
      const made = column.node(row);
      cell.replaceChildren(...[made].flat());
      cell.classList.toggle("none", cell.textContent === "");
      if (focused) cell.querySelector(`[data-action="${focused}"]`)?.focus();
    });
  }

  function update(rows, total = rows.length) {
    last = [rows, total];
    const visible = rows.slice(0, limit);
    const wanted = new Set(visible.map((row, place) => key(row, place)));
    // Lines that show nothing any more show the new ones: no elements come and go with each call.
    const spare = [];
    for (const [id, line] of shown) {
      if (wanted.has(id)) continue;
      shown.delete(id);
      spare.push(line);
    }
    let before = null;
    for (const [place, row] of visible.entries()) {
      const id = key(row, place);
      let line = shown.get(id);
      if (!line) {
        line = spare.pop() ?? make(row, id);
        shown.set(id, line);
      }
      fill(line, row);
      const next = before ? before.nextSibling : body.firstChild;
      if (next !== line.element) body.insertBefore(line.element, next);
      before = line.element;
    }
    for (const line of spare) line.element.remove();
    element.hidden = visible.length === 0;
    nothing.hidden = visible.length > 0;
    setText(nothing, typeof empty === "function" ? empty() : empty);
    more.hidden = rows.length <= limit;
    foot.hidden = visible.length === 0 || (more.hidden && total <= step);
    setText(count, t("shown", { shown: visible.length, count: total }));
  }

  return { element: h("div", { class: "table" }, element, nothing, foot), update };
}
