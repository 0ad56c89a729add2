import { confirm, form } from "./dialog.js";
import { button, field, h } from "./dom.js";
import { api } from "./session.js";
import { reload, rows } from "./state.js";
import { table } from "./table.js";
import { t } from "./words.js";

const path = (code) => `groups?name=${encodeURIComponent(code)}`;

function edit(group) {
  const code = h("input", { required: true, value: group?.code ?? "", spellcheck: "false" });
  const name = h("input", { value: group?.name ?? "" });
  const description = h("input", { value: group?.description ?? "" });
  form({
    title: group ? t("editGroup", { name: group.code }) : t("addGroup"),
    content: h("div", { class: "form" }, !group && field(t("codeOf"), code), field(t("name"), name), field(t("description"), description)),
    action: t("save"),
    async submit() {
      const given = { name: name.value, description: description.value };
      const set = Object.fromEntries(Object.entries(given).filter(([, text]) => text !== ""));
      await api("PUT", path(code.value.trim()), set);
      reload();
    },
  });
}

const remove = (group) =>
  confirm(t("deleteGroup", { name: group.code }), t("deleteGroupHint"), t("remove"), async () => {
    await api("DELETE", path(group.code));
    reload();
  });

export function groups() {
  const list = table({
    label: t("groups"),
    key: (group) => group.code,
    empty: t("noGroups"),
    columns: [
      { title: t("codeOf"), text: (group) => group.code ?? "", main: true },
      { title: t("name"), text: (group) => group.name ?? "" },
      { title: t("description"), text: (group) => group.description ?? "" },
      { title: t("members"), text: (group) => String(group.members), number: true },
      {
        title: t("edit"), hidden: true, actions: true, of: ({ members, ...group }) => group,
        node: (group) => [
          button(t("edit"), () => edit(group), { "data-action": "edit", "aria-label": `${t("edit")}: ${group.code}` }),
          button(t("remove"), () => remove(group), { "data-action": "remove", class: "quiet-danger", "aria-label": `${t("remove")}: ${group.code}` }),
        ],
      },
    ],
  });
  const element = h("section", { class: "card", "aria-label": t("groups") },
    h("div", { class: "head" }, h("h2", {}, t("groups")), h("span", { class: "grow" }), button(t("addGroup"), () => edit(null))),
    list.element);

  function update() {
    const members = new Map();
    for (const { value } of rows("users")) for (const { code } of value.groups) members.set(code, (members.get(code) ?? 0) + 1);
    list.update(rows("groups").map(({ value }) => ({ ...value, members: members.get(value.code) ?? 0 })));
  }

  return { element, update };
}
