// JSON as CouchDB reads and prints it: integers of any size and the order of members stay, numbers with a
// fraction or an exponent become doubles. JavaScript's own parser loses all three.
'use strict';

/** A value as text, `json`; an object has its `members` too, as pairs, and an array its `items`. */
class Node {
  constructor(json, more) {
    this.json = json;
    Object.assign(this, more);
  }

  get(name) {
    const member = this.members && this.members.find(([key]) => key === name);
    return member && member[1];
  }

  value() {
    return JSON.parse(this.json);
  }
}

class Reader {
  at = 0;

  constructor(text) {
    this.text = text;
  }

  next() {
    const blank = /[ \t\r\n]*/y;
    blank.lastIndex = this.at;
    blank.test(this.text);
    this.at = blank.lastIndex;
    return this.text[this.at];
  }

  node() {
    const first = this.next();
    if (first === '{') return this.object();
    if (first === '[') return this.array();
    return new Node(first === '"' ? this.string() : this.scalar());
  }

  object() {
    const members = [];
    let json = '{';
    this.list('}', () => {
      if (this.next() !== '"') throw new SyntaxError('a member needs a name');
      const name = this.string();
      if (this.next() !== ':') throw new SyntaxError('a member needs a colon');
      this.at += 1;
      const value = this.node();
      members.push([JSON.parse(name), value]);
      json += `${members.length > 1 ? ',' : ''}${name}:${value.json}`;
    });
    return new Node(`${json}}`, { members });
  }

  array() {
    const items = [];
    let json = '[';
    this.list(']', () => {
      const item = this.node();
      items.push(item);
      json += `${items.length > 1 ? ',' : ''}${item.json}`;
    });
    return new Node(`${json}]`, { items });
  }

  list(end, item) {
    this.at += 1;
    if (this.next() === end) {
      this.at += 1;
      return;
    }
    for (;;) {
      item();
      const sign = this.next();
      this.at += 1;
      if (sign === end) return;
      if (sign !== ',') throw new SyntaxError(`"${end}" is missing`);
    }
  }

  string() {
    const start = this.at;
    let end = start;
    let escapes;
    do {
      end = this.text.indexOf('"', end + 1);
      if (end < 0) throw new SyntaxError('a text does not end');
      escapes = 0;
      while (this.text[end - 1 - escapes] === '\\') escapes += 1;
    } while (escapes % 2 === 1);
    this.at = end + 1;
    const value = JSON.parse(this.text.slice(start, this.at));
    if (/\p{Surrogate}/u.test(value)) throw new SyntaxError('half a character');
    return JSON.stringify(value);
  }

  scalar() {
    const form = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?|true|false|null/y;
    form.lastIndex = this.at;
    const match = form.exec(this.text);
    if (!match) throw new SyntaxError('not a value');
    this.at = form.lastIndex;
    const [json, fraction, exponent] = match;
    if (fraction === undefined && exponent === undefined) return json === '-0' ? '0' : json;
    const number = Number(json);
    if (!Number.isFinite(number)) throw new SyntaxError('the number is too large');
    const text = String(number);
    return /[.e]/.test(text) ? text : `${text}.0`;
  }
}

/** Reads a text that holds one value. */
function parse(text) {
  const reader = new Reader(text);
  const node = reader.node();
  if (reader.next() !== undefined) throw new SyntaxError('something follows the value');
  return node;
}

module.exports = { parse };
