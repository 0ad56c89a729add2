// Light, dark, or as the system has it.

import * as prefs from "./prefs.js";

export const THEMES = ["auto", "light", "dark"];

export const theme = () => (THEMES.includes(prefs.get("theme")) ? prefs.get("theme") : "auto");

export function setTheme(name) {
  prefs.put("theme", name);
  document.documentElement.dataset.theme = name;
}

setTheme(theme());
