// Dialogs: the browser's own, which keep the focus and close by Escape.

import { button, h } from "./dom.js";
import { t } from "./words.js";

let count = 0;

/** Shows a form. `submit` may throw, which is shown; the dialog closes when it is through. */
export function form({ title, hint, content, action, danger = false, submit }) {
  const id = `dialog-${++count}`;
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const go = h("button", { class: danger ? "danger" : "primary" }, action);
  const element = h("dialog", { "aria-labelledby": id },
    h("form", { onsubmit: onSubmit, novalidate: true },
      h("h2", { id }, title),
      hint && h("p", { class: "muted" }, hint),
      content,
      problem,
      h("div", { class: "row end" }, button(t("cancel"), () => element.close()), go)));
  const opener = document.activeElement;
  element.addEventListener("close", () => {
    element.remove();
    if (opener?.isConnected) opener.focus();
  });

  async function onSubmit(event) {
    event.preventDefault();
    go.disabled = true;
    try {
      await submit();
      element.close();
    } catch (error) {
      problem.hidden = false;
      problem.textContent = error.message;
      go.disabled = false;
      go.focus();
    }
  }

  document.body.append(element);
  element.showModal();
}

export const confirm = (title, hint, action, submit) => form({ title, hint, action, danger: true, submit });

/** Shows a text to copy, where the browser does not let the page do it. */
export function text(title, content) {
  const area = h("textarea", { readonly: true, rows: 5, value: content, "aria-label": title });
  form({ title, content: area, action: t("close"), submit: async () => {} });
  area.select();
}
