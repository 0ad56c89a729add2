/** The latest so many things. */
export class Ring {
  #items;
  #next = 0;
  #size;

  constructor(size) {
    this.#size = size;
    this.#items = [];
  }

  push(item) {
    const gone = this.#items[this.#next];
    this.#items[this.#next] = item;
    this.#next = (this.#next + 1) % this.#size;
    return gone;
  }

  get length() {
    return this.#items.length;
  }

  /** Newest first. */
  *[Symbol.iterator]() {
    const { length } = this.#items;
    for (let back = 1; back <= length; back++) yield this.#items[(this.#next - back + length) % length];
  }

  /** The newest that are so, at most `max`. */
  latest(max, isWanted = () => true) {
    const found = [];
    for (const item of this) {
      if (found.length >= max) break;
      if (isWanted(item)) found.push(item);
    }
    return found;
  }
}
