// What happened in the last quarter of an hour: calls by second and app, faults, and what is concluded from both.
//
// A service whose breaker has opened does not tell: its calls stop arriving while a fault is on, and are answered again some
// time after.

const SECONDS = 900;
/** Lanes of their own have the first so many apps. */
const APPS = 8;
const MARKS = 300;
/** An app that has called less often is not missed. */
const LEAST_CALLS = 3;
const SILENCE = 3_000;

export const outcomeOf = ({ status, code, is_faulty }) => {
  if (is_faulty || status === null || status >= 500) return "bad";
  return status >= 400 || (code !== null && code !== 0) ? "refused" : "ok";
};

/** Calls by second. */
class Lane {
  #seconds = new Array(SECONDS).fill(null);
  lastAt = 0;

  add(at, outcome) {
    const second = Math.floor(at / 1_000);
    const index = second % SECONDS;
    let counts = this.#seconds[index];
    if (counts?.second !== second) {
      if (counts && counts.second > second) return;
      counts = this.#seconds[index] = { second, ok: 0, refused: 0, bad: 0 };
    }
    counts[outcome] += 1;
    this.lastAt = Math.max(this.lastAt, at);
  }

  at(second) {
    const counts = this.#seconds[second % SECONDS];
    return counts?.second === second ? counts : null;
  }

  /** Calls in the seconds before. */
  sum(second, seconds) {
    let sum = 0;
    for (let back = 1; back <= seconds; back++) {
      const counts = this.at(second - back);
      if (counts) sum += counts.ok + counts.refused + counts.bad;
    }
    return sum;
  }
}

export class Timeline {
  all = new Lane();
  apps = new Map();
  /** `{endpoint, fault, from, to}`; `to` is null while it is on. */
  faults = [];
  /** What is told below the chart, oldest first. */
  marks = [];
  /** Apps that are concerned by a fault: `{before, quietAt, faultAt, failed}`. */
  #concerned = new Map();

  call(event) {
    const outcome = outcomeOf(event);
    const app = event.app_id ?? "";
    this.#notice(app, event.at);
    this.all.add(event.at, outcome);
    if (!this.apps.has(app) && this.apps.size < APPS) this.apps.set(app, new Lane());
    this.apps.get(app)?.add(event.at, outcome);
    const concern = this.#concerned.get(app);
    if (!concern || event.at < concern.faultAt) return;
    if (outcome === "bad") concern.failed += 1;
    // Served while another endpoint fails: that says nothing of the fault.
    else if (outcome === "ok" && (concern.quietAt !== null || (concern.failed > 0 && !this.isFaulty))) {
      const since = concern.endedAt === null ? null : Math.max(0, event.at - concern.endedAt);
      this.#note({ at: event.at, kind: "recovered", app, since });
      this.#concerned.delete(app);
    }
  }

  mark(event) {
    if (event.type === "fault") this.#fault(event);
    else this.#note({ ...event, kind: event.type });
  }

  get isFaulty() {
    return this.faults.some((fault) => fault.to === null);
  }

  /** Takes the faults that are on: their beginning may have been missed. */
  active(faults) {
    const isOn = new Map(faults.map((fault) => [fault.endpoint, fault]));
    for (const { endpoint, until } of faults) {
      if (this.faults.some((fault) => fault.endpoint === endpoint && fault.to === null)) continue;
      this.faults.push({ endpoint, fault: "", from: Date.now(), to: null, until });
    }
    return isOn;
  }

  #fault({ at, endpoint, fault, until }) {
    for (const app of this.#concerned.keys()) this.#notice(app, at);
    const open = this.faults.find((known) => known.endpoint === endpoint && known.to === null);
    if (open && open.fault === "" && fault !== null) {
      // Known by the table before its event came.
      Object.assign(open, { fault, from: at, until });
    } else {
      if (open) open.to = at;
      if (fault !== null) this.faults.push({ endpoint, fault, from: at, to: null, until });
    }
    this.faults.splice(0, this.faults.length - MARKS);
    this.#note({ at, kind: fault === null ? "fault-off" : "fault-on", endpoint, fault, until });
    if (fault === null) {
      if (!this.isFaulty) for (const concern of this.#concerned.values()) concern.endedAt = at;
      return;
    }
    for (const [app, lane] of this.apps) {
      const before = lane.sum(Math.floor(at / 1_000) + 1, 10);
      if (before < LEAST_CALLS || this.#concerned.has(app)) continue;
      this.#concerned.set(app, { before, quietAt: null, faultAt: at, failed: 0, endedAt: null });
    }
  }

  /** Notices who calls no more. */
  tick(now) {
    for (const [app, concern] of this.#concerned) {
      this.#notice(app, now);
      // Long over, and nothing was amiss or nobody calls any more.
      if (concern.endedAt !== null && now - concern.endedAt > 120_000) this.#concerned.delete(app);
    }
  }

  /** Notices that an app has called no more until now, in a fault. By calls as well: what a page is told late has no ticks. */
  #notice(app, now) {
    const concern = this.#concerned.get(app);
    if (!concern || concern.quietAt !== null || concern.endedAt !== null) return;
    const last = Math.max(this.apps.get(app).lastAt, concern.faultAt);
    const usual = 10_000 / concern.before;
    if (now - last <= Math.max(SILENCE, 4 * usual)) return;
    concern.quietAt = last;
    this.#note({ at: last, kind: "quiet", app, failed: concern.failed, since: last - concern.faultAt });
  }

  #note(mark) {
    // Silence is noticed late.
    let at = this.marks.length;
    while (at > 0 && this.marks[at - 1].at > mark.at) at -= 1;
    this.marks.splice(at, 0, mark);
    this.marks.splice(0, this.marks.length - MARKS);
  }
}
