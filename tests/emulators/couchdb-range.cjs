// Ranges of one field in the order of a Mango index. PouchDB answers them too, but slowly, and a descending one
// ends a page early. Only texts of hexadecimal digits are here: they have one order under every collation.
'use strict';

const HEX = /^[0-9a-f]*$/;
const BOUNDS = new Set(['$gt', '$gte', '$lt', '$lte']);

class RangeIndex {
  /** `[key, id]` in order. */
  entries = [];
  keys = new Map();
  /** Documents whose field is something else: with one of them PouchDB must answer. */
  strangers = new Set();

  constructor(field) {
    this.field = field;
    this.path = field.split('.');
  }

  /** Takes the state of a document. */
  note(id, { deleted }, value) {
    const key = deleted || id.startsWith('_') ? undefined : at(value, this.path);
    const old = this.keys.get(id);
    this.strangers.delete(id);
    if (old !== undefined) {
      this.entries.splice(this.place(old, id), 1);
      this.keys.delete(id);
    }
    if (key === undefined) return;
    if (typeof key !== 'string' || !HEX.test(key)) {
      this.strangers.add(id);
      return;
    }
    this.entries.splice(this.place(key, id), 0, [key, id]);
    this.keys.set(id, key);
  }

  /** Where an entry stands, or would stand. */
  place(key, id) {
    let low = 0, high = this.entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const [otherKey, otherId] = this.entries[middle];
      if (otherKey < key || (otherKey === key && otherId < id)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The ids that a query asks for, if it is one for this index. */
  ids({ selector, sort = [], limit, skip }) {
    const bounds = boundsOf(selector, this.field);
    const [order, ...others] = sort.map((one) => (typeof one === 'string' ? [one, 'asc'] : Object.entries(one)[0]));
    if (!bounds || this.strangers.size > 0 || others.length > 0 || (order && order[0] !== this.field)) return undefined;
    let low = 0, high = this.entries.length;
    for (const [name, key] of bounds) {
      const [first, after] = [this.place(key, ''), this.place(key, '\uffff')];
      if (name === '$gte') low = Math.max(low, first);
      if (name === '$gt') low = Math.max(low, after);
      if (name === '$lt') high = Math.min(high, first);
      if (name === '$lte') high = Math.min(high, after);
    }
    const count = Math.max(0, Math.min(skip + limit, high - low));
    const descending = order && order[1] === 'desc';
    const part = descending ? this.entries.slice(Math.max(low, high - count), Math.max(low, high)).reverse()
      : this.entries.slice(low, low + count);
    return part.slice(skip).map(([, id]) => id);
  }
}

function boundsOf(selector, field) {
  const members = Object.entries(selector || {});
  if (members.length !== 1 || members[0][0] !== field) return undefined;
  const bounds = members[0][1];
  if (bounds === null || typeof bounds !== 'object') return undefined;
  const entries = Object.entries(bounds);
  const fits = entries.every(([name, key]) => BOUNDS.has(name) && typeof key === 'string' && HEX.test(key));
  return fits && entries.length > 0 ? entries : undefined;
}

const at = (value, path) => path.reduce((inner, name) => (inner === null || inner === undefined ? undefined : inner[name]), value);

module.exports = { RangeIndex, at };
