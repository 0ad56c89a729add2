// Usage records: the latest ones, and sums by user. A record is kept as what is shown of it.

import { Ring } from "./ring.js";

const KEPT = 20_000;

/** What a user has used. */
const none = () => ({ records: 0, cost: 0, failed: 0, seconds: 0 });

export class Usage {
  /** The number of the last record. */
  last = 0;
  records = new Ring(KEPT);
  byUser = new Map();
  total = none();

  add(records) {
    for (const { number, app_id, username, record } of records) {
      if (number <= this.last) continue;
      this.last = number;
      const headers = lowerCased(record.request_params?.headers);
      const row = {
        id: number,
        app: app_id,
        // Services report for users that have no token of their own by this header.
        user: username ?? headers["x-match-username"] ?? "",
        method: text(record.api_method),
        path: text(record.api_path),
        status: Number(record.status_code) || 0,
        seconds: Number(record.response_time) || 0,
        cost: Number(lowerCased(record.response_headers)["x-match-cost"]) || 0,
        error: text(record.error_message).slice(0, 300),
      };
      const gone = this.records.push(row);
      if (gone) this.#count(gone, -1);
      this.#count(row, 1);
    }
  }

  #count(row, sign) {
    if (!this.byUser.has(row.user)) this.byUser.set(row.user, none());
    const user = this.byUser.get(row.user);
    for (const sum of [user, this.total]) {
      sum.records += sign;
      sum.cost += sign * row.cost;
      sum.seconds += sign * row.seconds;
      sum.failed += row.status >= 400 ? sign : 0;
    }
    if (user.records === 0) this.byUser.delete(row.user);
  }
}

const text = (value) => (typeof value === "string" ? value.slice(0, 300) : "");

function lowerCased(headers) {
  const entries = headers && typeof headers === "object" ? Object.entries(headers) : [];
  return Object.fromEntries(entries.map(([name, value]) => [name.toLowerCase(), value]));
}
