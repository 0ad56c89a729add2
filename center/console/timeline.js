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
/** A breaker tries a call after a second or so, then less and less often. */
const SILENCE = 1_500;
/** A call that hangs, or gets a byte now and then, is told when its caller gives up: the reference client after 30 s. */
const SILENCE_OF = { hang: 35_000, slow: 35_000 };
const GAPS = 6;

export const outcomeOf = ({ status, code, is_faulty }) => {
  if (is_faulty || status === null || status >= 500) return "bad";
  return status >= 400 || (code !== null && code !== 0) ? "refused" : "ok";
};

/** Calls by second. */
class Lane {
  #seconds = new Array(SECONDS).fill(null);

  add(at, outcome) {
    const second = Math.floor(at / 1_000);
    const index = second % SECONDS;
    let counts = this.#seconds[index];
    if (counts?.second !== second) {
      if (counts && counts.second > second) return;
      counts = this.#seconds[index] = { second, ok: 0, refused: 0, bad: 0 };
    }
    counts[outcome] += 1;
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

/** When there were calls of the late, by app and endpoint: what an app does usually. */
class Recent {
  #times = new Map();

  add(key, at) {
    let times = this.#times.get(key);
    if (!times) {
      if (this.#times.size >= 500) this.#times.delete(this.#times.keys().next().value);
      this.#times.set(key, (times = []));
    }
    times.push(at);
    if (times.length > 20) times.shift();
  }

  /** The times of the last ten seconds before. */
  before(key, at) {
    return (this.#times.get(key) ?? []).filter((time) => time <= at && time > at - 10_000);
  }
}

const keyOf = (app, endpoint) => `${app} ${endpoint}`;

export class Timeline {
  all = new Lane();
  apps = new Map();
  /** `{endpoint, fault, from, to}`; `to` is null while it is on. */
  faults = [];
  /** What is told below the chart, oldest first. */
  marks = [];
  #recent = new Recent();
  /** Apps that a fault concerns, by app and the fault's endpoint: those that have called it before. */
  #concerned = new Map();

  call(event) {
    const outcome = outcomeOf(event);
    const app = event.app_id ?? "";
    this.all.add(event.at, outcome);
    if (!this.apps.has(app) && this.apps.size < APPS) this.apps.set(app, new Lane());
    this.apps.get(app)?.add(event.at, outcome);
    for (const endpoint of ["*", event.endpoint]) {
      const key = keyOf(app, endpoint);
      this.#recent.add(key, event.at);
      const concern = this.#concerned.get(key);
      if (concern && event.at >= concern.faultAt) this.#follow(key, concern, event.at, outcome);
    }
  }

  #follow(key, concern, at, outcome) {
    this.#notice(concern, at);
    concern.lastAt = at;
    if (outcome === "bad") concern.failed += 1;
    // Rejected is answered, too. What is answered while the fault is on was on its way before.
    else if (concern.endedAt !== null) {
      if (concern.quietAt !== null || concern.failed > 0) {
        this.#note({ at, kind: "recovered", app: concern.app, since: Math.max(0, at - concern.endedAt) });
      }
      this.#concerned.delete(key);
    }
  }

  mark(event) {
    if (event.type === "fault") this.#fault(event);
    else this.#note({ ...event, kind: event.type });
  }

  /** Takes the faults that are on: their beginning may have been missed. */
  active(faults) {
    for (const { endpoint, until } of faults) {
      if (this.faults.some((fault) => fault.endpoint === endpoint && fault.to === null)) continue;
      this.faults.push({ endpoint, fault: "", from: Date.now(), to: null, until });
    }
  }

  #fault({ at, endpoint, fault, until }) {
    for (const concern of this.#concerned.values()) this.#notice(concern, at);
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
    for (const app of this.apps.keys()) {
      const key = keyOf(app, endpoint);
      const concern = this.#concerned.get(key);
      if (fault === null) {
        if (concern) concern.endedAt = at;
        continue;
      }
      const before = this.#recent.before(key, at);
      const silence = SILENCE_OF[fault] ?? SILENCE;
      if (concern) Object.assign(concern, { endedAt: null, silence });
      else if (before.length >= LEAST_CALLS) {
        const usual = (at - before[0]) / before.length;
        this.#concerned.set(key, { app, usual, silence, lastAt: at, quietAt: null, faultAt: at, failed: 0, endedAt: null });
      }
    }
  }

  /** Notices who calls no more. */
  tick(now) {
    for (const [key, concern] of this.#concerned) {
      this.#notice(concern, now);
      // Long over, and nothing was amiss or nobody calls any more.
      if (concern.endedAt !== null && now - concern.endedAt > 120_000) this.#concerned.delete(key);
    }
  }

  /** Notices that an app has called no more until now, in a fault. By calls as well: what a page is told late has no ticks. */
  #notice(concern, now) {
    const { app, usual, silence, lastAt, quietAt, faultAt, failed, endedAt } = concern;
    if (quietAt !== null || endedAt !== null || now - lastAt <= Math.max(silence, GAPS * usual)) return;
    concern.quietAt = lastAt;
    this.#note({ at: lastAt, kind: "quiet", app, failed, since: lastAt - faultAt });
  }

  #note(mark) {
    // Silence is noticed late.
    let at = this.marks.length;
    while (at > 0 && this.marks[at - 1].at > mark.at) at -= 1;
    this.marks.splice(at, 0, mark);
    this.marks.splice(0, this.marks.length - MARKS);
  }
}
