// How times, numbers and credentials are shown.

import { lang, t } from "./words.js";

const pad = (number, digits = 2) => String(number).padStart(digits, "0");

/** `21:03:07`, with `.042` where order within a second matters. */
export function time(at, precise = false) {
  const date = new Date(at);
  const text = `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
  return precise ? `${text}.${pad(date.getMilliseconds(), 3)}` : text;
}

export function latency(ms) {
  if (ms < 10) return `${ms.toFixed(2)} ms`;
  return ms < 1_000 ? `${ms.toFixed(0)} ms` : `${(ms / 1_000).toFixed(2)} s`;
}

/** `45 s`, `3 min 5 s`, `2 h 4 min`. */
export function duration(ms) {
  const all = Math.max(0, Math.round(ms / 1_000));
  const parts = { seconds: all % 60, minutes: Math.floor(all / 60) % 60, hours: Math.floor(all / 3_600) };
  return t(all < 60 ? "unitSeconds" : all < 3_600 ? "unitMinutes" : "unitHours", parts);
}

export const number = (value, digits = 0) =>
  value.toLocaleString(lang(), { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** Costs are small: four digits, as they are reported. */
export const cost = (value) => number(value, 4);

/** A time as Rust's serde writes it. */
export const millisOf = (time) => time.secs_since_epoch * 1_000 + Math.floor(time.nanos_since_epoch / 1_000_000);

/** The ends of a credential: enough to tell it from others. */
export const shortened = (text) => (text.length <= 22 ? text : `${text.slice(0, 12)}…${text.slice(-6)}`);

/** Quotes a word for a shell. */
export const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
