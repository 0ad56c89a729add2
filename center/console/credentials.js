// Tokens and access keys.

import { copyButton, curl } from "./copy.js";
import { confirm, form } from "./dialog.js";
import { button, field, h, select } from "./dom.js";
import { duration, millisOf, shortened } from "./format.js";
import { api } from "./session.js";
import { appName, now, reload, rows } from "./state.js";
import { table } from "./table.js";
import { toast } from "./toast.js";
import { t } from "./words.js";

const apps = () => select(rows("apps").map(({ value }) => [value.id, `${value.name} (${value.id})`]));

/** A field for a user's name, with those that there are. Not a menu: there may be thousands. */
function userField() {
  const input = h("input", { list: "user-names", required: true, autocomplete: "off", spellcheck: "false" });
  const names = h("datalist", { id: "user-names" }, rows("users").slice(0, 500).map(({ key }) => h("option", { value: key })));
  return { input, element: h("div", {}, field(t("user"), input), names) };
}

async function issue(path, body) {
  await api("POST", path, body);
  toast(t("issued"));
  reload();
}

function issueToken() {
  const [user, app] = [userField(), apps()];
  const lifetime = h("input", { type: "number", min: 1, value: "3600" });
  form({
    title: t("issueToken"),
    content: h("div", { class: "form" }, user.element, field(t("app"), app), field(t("expiresIn"), lifetime, t("expiresHint"))),
    action: t("issue"),
    submit: () => issue("tokens", { user: user.input.value, app: app.value, ...(lifetime.value ? { expires_in: Number(lifetime.value) } : {}) }),
  });
}

function issueKey() {
  const [user, app, name] = [userField(), apps(), h("input", {})];
  const ofApp = field(t("app"), app);
  const type = select(["user", "app", "global"].map((type) => [type, t(`type.${type}`)]), "user", { onchange: adapt });
  function adapt() {
    user.element.hidden = type.value !== "user";
    ofApp.hidden = type.value !== "app";
  }
  adapt();
  form({
    title: t("issueKey"),
    content: h("div", { class: "form" }, field(t("type"), type), user.element, ofApp, field(t("name"), name)),
    action: t("issue"),
    submit: () => issue("access-keys", {
      type: type.value,
      ...(type.value === "user" ? { user: user.input.value } : type.value === "app" ? { app: app.value } : {}),
      ...(name.value ? { name: name.value } : {}),
    }),
  });
}

function revoke(question, path, body) {
  confirm(question, t("revokeHint"), t("revoke"), async () => {
    await api("POST", `${path}/revoke`, body);
    reload();
  });
}

function actions(row, line, question, path, body) {
  const named = (key) => ({ "data-action": key, "aria-label": `${t(key)}: ${shortened(row.key)}` });
  return [
    copyButton(t("copy"), () => row.key, named("copy")),
    copyButton(t("copyCurl"), line, named("copyCurl")),
    button(t("revoke"), () => revoke(question, path, body), { ...named("revoke"), class: "quiet-danger" }),
  ];
}

function expiry({ expires_at }) {
  if (!expires_at) return t("never");
  const left = millisOf(expires_at) - now();
  return left > 0 ? t("remaining", { time: duration(left) }) : t("expired");
}

export function credentials() {
  const filter = h("input", { type: "search", placeholder: t("filterCredentials"), oninput: update, id: "filter" });
  const empty = (none) => () => (filter.value ? t("noMatch") : none);
  const tokens = table({
    label: t("tokens"),
    key: (row) => row.key,
    empty: empty(t("noTokens")),
    columns: [
      { title: t("token"), text: (row) => shortened(row.key), code: true, main: true },
      { title: t("user"), text: (row) => row.value.username },
      { title: t("app"), text: (row) => appName(row.value.app_id) },
      { title: t("expires"), text: (row) => expiry(row.value) },
      { title: t("revoke"), hidden: true, actions: true, of: (row) => row.key,
        node: (row) => actions(row, () => curl("/user/info", { token: row.key }, row.value.app_id), t("revokeToken"), "tokens", { token: row.key }) },
    ],
  });
  const keys = table({
    label: t("accessKeys"),
    key: (row) => row.key,
    empty: empty(t("noKeys")),
    columns: [
      { title: t("accessKey"), text: (row) => shortened(row.key), code: true, main: true },
      { title: t("type"), text: (row) => t(`type.${row.value.type}`) },
      { title: t("user"), text: (row) => row.value.username ?? (row.value.app_id ? appName(row.value.app_id) : "") },
      { title: t("name"), text: (row) => row.value.name ?? "" },
      { title: t("revoke"), hidden: true, actions: true, of: (row) => row.key,
        node: (row) => actions(row, () => curl("/access-key/verify", { accessKey: row.key }, row.value.app_id), t("revokeKey"), "access-keys", { key: row.key }) },
    ],
  });

  function update() {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const isWanted = ({ key, value }) => words.every((word) => [key, value.username, value.app_id, value.name].some((text) => text?.toLowerCase().includes(word)));
    tokens.update(rows("tokens").filter(isWanted));
    keys.update(rows("access_keys").filter(isWanted));
  }

  const section = (title, add, list) => h("section", { class: "card", "aria-label": title },
    h("div", { class: "head" }, h("h2", {}, title), h("span", { class: "grow" }), add), list.element);
  const element = h("div", { class: "stack" },
    h("div", { class: "filters" }, field(t("filter"), filter)),
    section(t("tokens"), button(t("issueToken"), issueToken, { class: "primary" }), tokens),
    section(t("accessKeys"), button(t("issueKey"), issueKey, { class: "primary" }), keys));
  return { element, update };
}
