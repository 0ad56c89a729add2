// What the page knows: the tables of the center, what has happened, usage. All of it is bounded.

import { api } from "./session.js";
import { follow } from "./stream.js";
import { Ring } from "./ring.js";
import { Timeline } from "./timeline.js";
import { Usage } from "./usage.js";

export const state = {
  url: "",
  issuer: "",
  dialect: "",
  tables: {},
  faults: [],
  instances: [],
  /** Milliseconds that the center's clock is ahead of this one. */
  ahead: 0,
  calls: new Ring(5_000),
  deliveries: new Ring(200),
  timeline: new Timeline(),
  usage: new Usage(),
  connection: "lost",
  missed: 0,
};

const listeners = new Set();

/** Calls back with each name of what has changed: a table, `faults`, `calls`, `usage`, `connection`. */
export function listen(callback) {
  listeners.add(callback);
  return () => listeners.delete(callback);
}

const tell = (...names) => {
  for (const listener of listeners) for (const name of names) listener(name);
};

export const rows = (table) => state.tables[table] ?? [];
export const now = () => Date.now() + state.ahead;
export const appName = (id) => rows("apps").find((app) => app.value.id === id)?.value.name ?? id;

/** Loads the tables, then follows what happens. */
export async function begin() {
  const loaded = await load();
  // From the oldest event that is kept: a page that is opened in an outage shows how it began.
  let seen = loaded;
  void follow(0, {
    onstate(connection) {
      if (connection === "live" && state.connection === "lost") reload();
      state.connection = connection;
      tell("connection");
    },
    onmessage({ missed, events }) {
      const isHistory = events.length > 0 && events[0].id <= loaded;
      // Another run of the center counts from 1 again.
      if (events.length > 0 && events.at(-1).id < seen) reload();
      if (missed > 0 && !isHistory) {
        state.missed += missed;
        reload();
      }
      for (const event of events) take(event, event.id <= loaded && isHistory);
      seen = events.at(-1)?.id ?? seen;
      tell("calls");
    },
  });
  void loadUsage();
}

function take(event, isOld) {
  if (event.type === "call") {
    state.calls.push(event);
    state.timeline.call(event);
  } else if (event.type === "changed") {
    if (!isOld) reload();
  } else if (event.type === "usage") {
    void loadUsage();
  } else if (event.type === "webhook") {
    state.deliveries.push(event);
    state.timeline.mark(event);
    tell(isOld ? "deliveries" : "delivered");
  } else {
    if (event.type === "dialect") state.dialect = event.dialect;
    state.timeline.mark(event);
    if (event.type === "fault" && !isOld) reload();
  }
}

async function load() {
  const began = Date.now();
  const told = await api("GET", "state");
  state.ahead = told.now - Math.round((began + Date.now()) / 2);
  Object.assign(state, { url: told.url, issuer: told.issuer, faults: told.faults, tables: told.tables });
  state.dialect = told.dialect;
  state.instances = told.tables.instances.map(({ key, value }) => ({ id: key, ...JSON.parse(key), ...value }));
  state.timeline.active(told.faults);
  tell("tables");
  return told.last_event;
}

let loading = false;
let again = false;

/** Loads the tables again, not more often than five times the time that it takes. */
export async function reload() {
  again = true;
  if (loading) return;
  loading = true;
  while (again) {
    again = false;
    const start = performance.now();
    try {
      await load();
    } catch {
      // The stream tells what the matter is.
    }
    await new Promise((resolve) => setTimeout(resolve, Math.max(100, 5 * (performance.now() - start))));
  }
  loading = false;
}

let loadingUsage = false;
let moreUsage = false;

async function loadUsage() {
  moreUsage = true;
  if (loadingUsage) return;
  loadingUsage = true;
  while (moreUsage) {
    moreUsage = false;
    try {
      const records = await api("GET", `usage?after=${state.usage.last}`);
      state.usage.add(records);
      moreUsage = records.length > 0;
      tell("usage");
    } catch {
      // With the next event.
    }
    // A page of records is a task of its own, so that the page answers in between.
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  loadingUsage = false;
}
