// Asks for the token where the URL has had none, or that of another run.

import { field, h } from "./dom.js";
import * as session from "./session.js";
import { t } from "./words.js";

export function signIn(problem, begin) {
  const token = h("input", { type: "password", autocomplete: "off", required: true, spellcheck: "false" });
  const onsubmit = (event) => {
    event.preventDefault();
    session.set(token.value);
    begin();
  };
  document.title = t("signIn");
  document.body.replaceChildren(h("main", { class: "sign-in" },
    h("form", { class: "card", onsubmit },
      h("img", { src: "icon.svg", alt: "", width: 40, height: 40 }),
      h("h1", {}, t("signIn")),
      problem && h("p", { class: "problem", role: "alert" }, problem),
      field(t("token"), token, t("signInHint")),
      h("button", { class: "primary" }, t("signInButton")))));
  token.focus();
}
