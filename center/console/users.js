// Users and groups, and what the receivers of webhooks answered.

import { button, field, h, setText } from "./dom.js";
import { deliveries, warnIfUntold } from "./deliveries.js";
import { confirm } from "./dialog.js";
import { editUser } from "./user_form.js";
import { groups } from "./groups.js";
import { api } from "./session.js";
import { reload, rows } from "./state.js";
import { table } from "./table.js";
import { attempt } from "./toast.js";
import { t } from "./words.js";

// In the query: a path has no place for a user named `..`.
const path = (username) => `users?name=${encodeURIComponent(username)}`;
export const isActive = (user) => user.status === null || user.status === "active";

async function change(method, user, body, event) {
  await api(method, path(user.username), body);
  warnIfUntold(event);
  reload();
}

const toggle = (user) =>
  attempt(() => change("PATCH", user, { status: isActive(user) ? "disabled" : "active" }, "user.updated"));

const remove = (user) =>
  confirm(t("deleteUser", { name: user.username }), t("deleteUserHint"), t("remove"), () =>
    change("DELETE", user, undefined, "user.deleted"));

const chips = (texts) => h("span", { class: "chips" }, texts.map((text) => h("span", { class: "chip" }, text)));
const CHIPS = 6;

function permissions(user) {
  const codes = user.permissions;
  return chips(codes.length > CHIPS ? [...codes.slice(0, CHIPS), `+${codes.length - CHIPS}`] : codes);
}

function actions(user) {
  const named = (key) => ({ "data-action": key, "aria-label": `${t(key)}: ${user.username}` });
  const state = isActive(user) ? "disable" : "enable";
  return [
    button(t("edit"), () => editUser(user), named("edit")),
    button(t(state), () => toggle(user), { ...named(state), "data-action": "toggle" }),
    button(t("remove"), () => remove(user), { ...named("remove"), class: "quiet-danger" }),
  ];
}

export function users() {
  const filter = h("input", { type: "search", placeholder: t("filterUsers"), oninput: update, id: "filter" });
  const list = table({
    label: t("users"),
    key: (user) => user.username,
    empty: () => (rows("users").length > 0 ? t("noMatch") : t("noUsers")),
    columns: [
      { title: t("user"), main: true, of: ({ username, nickname }) => [username, nickname],
        node: (user) => [h("b", {}, user.username), user.nickname && h("small", {}, user.nickname)].filter(Boolean) },
      { title: t("state"), of: ({ status, is_admin }) => [status, is_admin], node: (user) => [
        h("span", { class: "badge", "data-tone": isActive(user) ? "ok" : "bad" }, isActive(user) ? t("active") : user.status === "disabled" ? t("disabled") : user.status),
        user.is_admin && h("span", { class: "badge" }, t("admin"))].filter(Boolean) },
      { title: t("permissions"), of: (user) => user.permissions, node: permissions },
      { title: t("groups"), of: (user) => user.groups, node: (user) => chips(user.groups.map((group) => group.name ?? group.code ?? "")) },
      { title: t("edit"), hidden: true, actions: true, node: actions },
    ],
  });
  const [ofGroups, ofDeliveries] = [groups(), deliveries()];
  const count = h("span", { class: "muted" });
  const element = h("div", { class: "stack" },
    h("section", { class: "card", "aria-label": t("users") },
      h("div", { class: "head" }, h("h2", {}, t("users")), count, h("span", { class: "grow" }),
        button(t("addUser"), () => editUser(null), { class: "primary", "data-action": "add-user" })),
      h("div", { class: "filters" }, field(t("filter"), filter, t("disableHint"))),
      list.element),
    ofDeliveries.element, ofGroups.element);

  function update() {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const all = rows("users").map(({ value }) => value);
    const texts = (user) => [user.username, user.nickname, ...user.permissions, ...user.groups.flatMap(({ name, code }) => [name, code])];
    const found = words.length === 0 ? all
      : all.filter((user) => words.every((word) => texts(user).some((text) => text?.toLowerCase().includes(word))));
    list.update(found);
    setText(count, String(all.length));
    ofGroups.update();
    ofDeliveries.update();
  }

  return { element, update };
}
