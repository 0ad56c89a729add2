// The texts, in English and Chinese. Which one: what a person has chosen, else what the browser prefers, which the center has
// written into the page.

import * as prefs from "./prefs.js";
import { ENGLISH } from "./words_en.js";
import { CHINESE } from "./words_zh.js";

export const LANGUAGES = { en: ENGLISH, "zh-CN": CHINESE };

let current = LANGUAGES[prefs.get("lang")] ? prefs.get("lang") : document.documentElement.lang;
document.documentElement.lang = current;

export const lang = () => current;

export function setLang(name) {
  current = name;
  prefs.put("lang", name);
  document.documentElement.lang = name;
}

/** The text of a key; `{name}` in it is replaced. */
export function t(key, values = {}) {
  const text = (LANGUAGES[current] ?? ENGLISH)[key] ?? ENGLISH[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}
