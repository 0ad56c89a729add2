// The shell: header, sections, and the one that is shown.

import "./theme.js";
import { h, select, setText } from "./dom.js";
import { THEMES, setTheme, theme } from "./theme.js";
import { LANGUAGES, lang, setLang, t } from "./words.js";
import * as session from "./session.js";
import * as toasts from "./toast.js";
import { listen, state } from "./state.js";
import * as store from "./state.js";
import { signIn } from "./sign_in.js";
import { overview } from "./overview.js";
import { calls } from "./calls.js";
import { users } from "./users.js";
import { credentials } from "./credentials.js";
import { usage } from "./usage_view.js";
import { services } from "./services.js";
import { announce } from "./deliveries.js";

const SECTIONS = { overview, calls, users, credentials, usage, services };
/** The dialects, by the first version that speaks each, with the versions that do. */
const DIALECTS = [["1.1.53", "1.1.53"], ["1.1.54", "1.1.54–58"], ["1.1.59", "1.1.59–62"]];
/** How often the shown section is brought up to date, in milliseconds: on a slow machine as rarely as leaves it time for others. */
const INTERVAL = 250;
const SHARE = 5;

const main = h("main", { id: "content", tabindex: "-1" });
let shell = null;
let shown = null;
let dirty = new Set();

function header() {
  const languages = Object.keys(LANGUAGES).map((name) => [name, name === "en" ? "English" : "中文"]);
  const dialect = select(DIALECTS, state.dialect, {
    "aria-label": t("dialect"),
    onchange: () => toasts.attempt(() => session.api("PUT", "dialect", { dialect: dialect.value })),
  });
  const language = select(languages, lang(), {
    "aria-label": t("language"),
    onchange: () => {
      setLang(language.value);
      build();
      document.querySelector("#language").focus();
    },
    id: "language",
  });
  const look = select(THEMES.map((name) => [name, t(name)]), theme(), {
    "aria-label": t("theme"), onchange: () => setTheme(look.value), id: "theme",
  });
  const connection = h("span", { class: "badge", role: "status" });
  const fault = h("a", { href: "#/overview", class: "badge", "data-tone": "bad", hidden: true }, t("faultIsOn"));
  const links = Object.keys(SECTIONS).map((name) => h("a", { href: `#/${name}` }, t(name)));
  const missed = h("p", { class: "notice", hidden: true });
  const element = h("header", {},
    h("a", { href: "#content", class: "skip", onclick: (event) => { event.preventDefault(); main.focus(); } }, t("skip")),
    h("div", { class: "bar" },
      h("span", { class: "brand" }, h("img", { src: "icon.svg", alt: "", width: 24, height: 24 }), t("brand")),
      connection, fault,
      h("span", { class: "grow" }),
      h("span", { class: "choices" },
        h("span", { class: "labelled" }, h("span", { class: "muted", "aria-hidden": "true" }, t("dialect")), dialect), language, look)),
    h("nav", { "aria-label": t("sections") }, links),
    missed);
  const update = () => {
    setText(connection, t(state.connection));
    connection.dataset.tone = state.connection === "live" ? "ok" : "warn";
    fault.hidden = state.faults.length === 0;
    if (document.activeElement !== dialect) dialect.value = state.dialect;
    missed.hidden = state.missed === 0;
    setText(missed, t("missed", { count: state.missed }));
    const name = sectionName();
    for (const link of links) {
      if (link.hash === `#/${name}`) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  };
  return { element, update };
}

const sectionName = () => (SECTIONS[location.hash.slice(2)] ? location.hash.slice(2) : "overview");

function show() {
  const name = sectionName();
  shown = SECTIONS[name]();
  main.replaceChildren(h("h1", { class: "hidden" }, t(name)), shown.element);
  document.title = `${t(name)} · ${t("brand")}`;
  render();
  document.querySelector("nav a[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function render() {
  dirty = new Set();
  shell?.update();
  shown?.update();
}

function build() {
  shell = header();
  document.body.replaceChildren(shell.element, main, toasts.element);
  show();
}

/** Brings what is shown up to date, a few times a second at the most, and not where nobody looks. */
function pulse(pause = INTERVAL) {
  setTimeout(() => requestAnimationFrame((start) => {
    state.timeline.tick(store.now());
    if (dirty.size > 0 || shown?.isAlive) render();
    pulse(Math.max(INTERVAL, SHARE * (performance.now() - start)));
  }), pause);
}

async function begin() {
  try {
    await store.begin();
  } catch (error) {
    if (error.status === 401) session.set("");
    signIn(error.status === 401 ? t("wrongToken") : t("unreachable"), begin);
    return;
  }
  listen((what) => {
    dirty.add(what);
    if (what === "delivered") announce();
    if (what === "connection" && state.connection === "refused") signIn(t("wrongToken"), () => location.reload());
  });
  build();
  addEventListener("hashchange", show);
  pulse();
}

if (session.begin()) begin();
else signIn("", begin);
