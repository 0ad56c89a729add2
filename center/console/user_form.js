// The form of a user.

import { warnIfUntold } from "./deliveries.js";
import { form } from "./dialog.js";
import { field, h, select } from "./dom.js";
import { api } from "./session.js";
import { reload, rows } from "./state.js";
import { t } from "./words.js";

const TEXTS = ["nickname", "email", "phone", "department", "company"];
const LISTS = ["permissions", "roles"];

const lines = (text) => text.split(/\r?\n/).map((line) => line.trim()).filter(Boolean);
const isSame = (one, other) => JSON.stringify(one) === JSON.stringify(other);

/** Edits a user, or adds one if it is null. What has not been changed is not sent. */
export function editUser(user) {
  const before = user ?? { permissions: [], roles: [], groups: [], status: null, is_admin: false };
  const username = h("input", { required: true, autocomplete: "off", spellcheck: "false" });
  const texts = Object.fromEntries(TEXTS.map((name) => [name, h("input", { value: before[name] ?? "", autocomplete: "off" })]));
  const lists = Object.fromEntries(LISTS.map((name) =>
    [name, h("textarea", { rows: 4, value: before[name].join("\n"), spellcheck: "false" })]));
  const status = before.status ?? "active";
  const states = [...new Set(["active", "disabled", status])];
  const state = select(states.map((name) => [name, name === "active" || name === "disabled" ? t(name) : name]), status);
  const admin = h("input", { type: "checkbox" });
  admin.checked = before.is_admin;
  const mine = before.groups.map((group) => group.code).filter(Boolean);
  const codes = [...new Set([...rows("groups").map(({ value }) => value.code).filter(Boolean), ...mine])];
  const groups = codes.map((code) => {
    const box = h("input", { type: "checkbox" });
    box.checked = mine.includes(code);
    return { code, box, element: h("label", { class: "check" }, box, code) };
  });

  const content = h("div", { class: "form" },
    !user && field(t("name"), username),
    h("div", { class: "grid" }, TEXTS.map((name) => field(t(name), texts[name]))),
    h("div", { class: "grid" }, LISTS.map((name) => field(t(name), lists[name], t("perLine")))),
    groups.length > 0 && h("fieldset", {}, h("legend", {}, t("groups")), h("div", { class: "row" }, groups.map((group) => group.element))),
    h("div", { class: "grid" }, field(t("state"), state), h("label", { class: "check" }, admin, t("admin"))));

  function edits() {
    const edit = {};
    for (const name of TEXTS) if (texts[name].value !== (before[name] ?? "")) edit[name] = texts[name].value;
    for (const name of LISTS) if (!isSame(lines(lists[name].value), before[name])) edit[name] = lines(lists[name].value);
    const chosen = groups.filter(({ box }) => box.checked).map(({ code }) => code);
    if (!isSame(chosen.toSorted(), mine.toSorted())) edit.groups = chosen;
    if (state.value !== status) edit.status = state.value;
    if (admin.checked !== before.is_admin) edit.is_admin = admin.checked;
    return edit;
  }

  form({
    title: user ? t("editUser", { name: user.username }) : t("addUser"),
    content,
    action: user ? t("save") : t("addUser"),
    async submit() {
      const name = user ? user.username : username.value.trim();
      await api(user ? "PATCH" : "POST", `users?name=${encodeURIComponent(name)}`, edits());
      warnIfUntold(user ? "user.updated" : "user.created");
      reload();
    },
  });
}
