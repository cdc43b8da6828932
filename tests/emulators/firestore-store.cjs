// The documents of one Firestore database in memory: commits, transactions and the past.
'use strict';

const crypto = require('node:crypto');
const { compareText, place } = require('./order.cjs');
const {
  arrayOf, checkDocument, compare, doubleOf, elements, failure, getField, integerOf, invalid, masked,
  micros, nullValue, number, parseFieldPath, parseName, rank, sameFields, timestamp, truncateTimes, withField,
} = require('./firestore-values.cjs');

const NOT_FOUND = 5, ALREADY_EXISTS = 6, FAILED_PRECONDITION = 9, ABORTED = 10;

// Firestore reads up to an hour into the past.
const PAST_MICROS = 3600e6;
// https://firebase.google.com/docs/firestore/quotas
const TRANSACTION_MS_MAX = 270e3;
const TRANSACTION_IDLE_MS_MAX = 60e3;
const INT64_MAX = 2n ** 63n - 1n, INT64_MIN = -(2n ** 63n);

class Database {
  /** All states of each document, by path, the newest last. A state without fields is a deletion. */
  states = new Map();
  /** The ids of each collection in their order, also of documents that are deleted by now. */
  collections = new Map();
  transactions = new Map();
  /** Called with the paths that a commit changed. */
  watchers = new Set();
  lastCommit = 0;

  constructor(name) {
    this.name = name;
  }

  /** Each commit has its own time: a precondition on an update time must tell two commits apart. */
  commitTime() {
    this.lastCommit = Math.max(Date.now() * 1000, this.lastCommit + 1);
    return this.lastCommit;
  }

  readTime() {
    return Math.max(Date.now() * 1000, this.lastCommit);
  }

  /** The state at a time, or the newest; `undefined` when there was no document. */
  get(path, time = Infinity) {
    const states = this.states.get(path);
    if (!states) return undefined;
    let i = states.length - 1;
    while (i >= 0 && states[i].updateTime > time) i--;
    return i >= 0 && states[i].fields ? states[i] : undefined;
  }

  put(path, state) {
    const states = this.states.get(path);
    if (!states) {
      this.states.set(path, [state]);
      this.addId(path);
      return;
    }
    const old = states.findIndex((past) => past.updateTime > state.updateTime - PAST_MICROS);
    // The state before the window is what was there when the window began.
    if (old > 1) states.splice(0, old - 1);
    states.push(state);
  }

  addId(path) {
    const slash = path.lastIndexOf('/');
    const collection = path.slice(0, slash), id = path.slice(slash + 1);
    if (!this.collections.has(collection)) {
      this.collections.set(collection, []);
      // A document that is not there has a place as soon as something is below it.
      const above = collection.lastIndexOf('/');
      if (above >= 0 && !this.states.has(collection.slice(0, above))) {
        this.states.set(collection.slice(0, above), []);
        this.addId(collection.slice(0, above));
      }
    }
    const ids = this.collections.get(collection);
    ids.splice(place(ids, id), 0, id);
  }

  /** The collections of a name below a document, in their order. */
  collectionsBelow(parent, id, deep) {
    const prefix = parent === '' ? '' : `${parent}/`;
    if (!deep && id) return this.collections.has(prefix + id) ? [prefix + id] : [];
    const wanted = (path) => path.startsWith(prefix) && (deep || !path.slice(prefix.length).includes('/'))
      && (!id || path.slice(path.lastIndexOf('/') + 1) === id);
    return [...this.collections.keys()].filter(wanted).sort(compareText);
  }

  /** Whether there is a document in a collection, or at any depth below it. */
  isAlive(collection, time) {
    const hasDocument = (one) => this.collections.get(one).some((id) => this.get(`${one}/${id}`, time));
    return hasDocument(collection) || this.collectionsBelow(collection, undefined, true).some(hasDocument);
  }

  // --- Writing

  /** Applies all writes or none. */
  commit(writes, token) {
    const transaction = token && token.length > 0 ? this.transaction(token) : undefined;
    if (transaction) this.finish(transaction, writes);
    return this.apply(writes);
  }

  apply(writes) {
    const time = this.commitTime();
    const changes = new Map();
    const results = writes.map((write) => this.applyOne(write, time, changes));
    this.keep(changes);
    return { writeResults: results, commitTime: timestamp(time) };
  }

  /** Each write by itself, in no promised order. */
  applyEach(writes) {
    const names = new Set(writes.map(nameOf));
    if (names.size < writes.length) throw invalid('Cannot write to the same document more than once in a BatchWrite.');
    const answer = { writeResults: [], status: [] };
    for (const write of writes) {
      try {
        answer.writeResults.push(this.apply([write]).writeResults[0]);
        answer.status.push({ code: 0 });
      } catch (error) {
        if (!error.code) throw error;
        answer.writeResults.push({});
        answer.status.push({ code: error.code, message: error.details });
      }
    }
    return answer;
  }

  applyOne(write, time, changes) {
    const { database, path } = parseName(nameOf(write), 'document');
    if (database !== this.name) throw invalid(`The document is not in the database "${this.name}".`);
    const before = changes.has(path) ? changes.get(path) : this.get(path);
    const current = before && before.fields ? before : undefined;
    checkPrecondition(write.currentDocument, current, path);
    if (write.delete !== undefined) {
      changes.set(path, { fields: undefined, updateTime: time });
      return { updateTime: timestamp(time) };
    }
    const { fields, transformResults } = this.newFields(write, current ? current.fields : {}, time);
    checkDocument(path, fields);
    truncateTimes(fields);
    const result = transformResults.length > 0 ? { transformResults } : {};
    // A write that changes nothing leaves the update time as it is.
    if (current && sameFields(fields, current.fields)) {
      return { ...result, updateTime: timestamp(current.updateTime) };
    }
    changes.set(path, { fields, createTime: current ? current.createTime : time, updateTime: time });
    return { ...result, updateTime: timestamp(time) };
  }

  newFields(write, old, time) {
    const given = (write.update && write.update.fields) || {};
    let fields = write.transform ? old : given;
    if (write.update && write.updateMask) {
      fields = old;
      for (const path of write.updateMask.fieldPaths || []) {
        const names = parseFieldPath(path);
        fields = withField(fields, names, getField(given, names));
      }
    }
    const transforms = write.transform ? write.transform.fieldTransforms : write.updateTransforms;
    const transformResults = (transforms || []).map((transform) => {
      const names = parseFieldPath(transform.fieldPath);
      const [value, result] = transformed(transform, getField(fields, names), time);
      fields = withField(fields, names, value);
      return result;
    });
    return { fields, transformResults };
  }

  keep(changes) {
    const changed = [...changes].filter(([path, state]) => state.fields || this.get(path));
    for (const [path, state] of changed) this.put(path, state);
    if (changed.length > 0) {
      for (const watcher of this.watchers) watcher(changed.map(([path]) => path));
    }
  }

  // --- Transactions: what was read is compared when they commit

  begin(options = {}) {
    const transaction = {
      token: crypto.randomBytes(16),
      readOnly: Boolean(options.readOnly),
      time: options.readOnly && options.readOnly.readTime ? micros(options.readOnly.readTime) : undefined,
      documents: new Map(),
      queries: [],
      began: Date.now(),
      used: Date.now(),
    };
    this.transactions.set(transaction.token.toString('hex'), transaction);
    return transaction;
  }

  transaction(token) {
    const transaction = this.transactions.get(token.toString('hex'));
    const now = Date.now();
    if (!transaction || now - transaction.used > TRANSACTION_IDLE_MS_MAX
      || now - transaction.began > TRANSACTION_MS_MAX) {
      throw invalid('The referenced transaction has expired or is no longer valid.');
    }
    transaction.used = now;
    return transaction;
  }

  rollback(token) {
    this.transactions.delete(this.transaction(token).token.toString('hex'));
  }

  /** At which time to read, and in which transaction. */
  consistency(request) {
    let transaction;
    if (request.newTransaction) transaction = this.begin(request.newTransaction);
    else if (request.transaction && request.transaction.length > 0) transaction = this.transaction(request.transaction);
    if (transaction) {
      // The first read says what all others see.
      transaction.time ??= this.readTime();
      return { time: transaction.time, transaction };
    }
    return { time: request.readTime ? micros(request.readTime) : this.readTime() };
  }

  /** Reads one document as a request wants it. */
  read(path, { time, transaction }) {
    const state = this.get(path, time);
    if (transaction) transaction.documents.set(path, state);
    return state;
  }

  finish(transaction, writes) {
    this.transactions.delete(transaction.token.toString('hex'));
    if (transaction.readOnly && writes.length > 0) throw invalid('Cannot modify entities in a read-only transaction.');
    if (writes.length === 0) return;
    for (const [path, state] of transaction.documents) {
      if (this.get(path) !== state) throw aborted();
    }
    for (const { run, answer } of transaction.queries) {
      const now = run(Infinity);
      if (now.length !== answer.length || now.some((row, i) => row.state !== answer[i].state)) throw aborted();
    }
  }

  /** A document as it is sent. */
  document(path, state, mask) {
    const { createTime, updateTime } = state;
    const fields = masked(state.fields, mask);
    return {
      name: `${this.name}/documents/${path}`, fields, createTime: timestamp(createTime), updateTime: timestamp(updateTime),
    };
  }
}

const aborted = () => failure(ABORTED, 'Aborted due to cross-transaction contention. This occurs when multiple '
  + 'transactions attempt to access the same data, requiring Firestore to abort at least one in order to enforce '
  + 'serializability.');

function nameOf(write) {
  if (write.update) return write.update.name;
  if (write.delete !== undefined) return write.delete;
  if (write.transform) return write.transform.document;
  throw invalid('A write must have an operation.');
}

function checkPrecondition(precondition, current, path) {
  if (!precondition) return;
  if (precondition.exists === false && current) throw failure(ALREADY_EXISTS, `Document already exists: ${path}`);
  if (precondition.exists === true && !current) throw failure(NOT_FOUND, `No document to update: ${path}`);
  if (precondition.updateTime) {
    const wanted = micros(precondition.updateTime);
    if (!current) throw failure(FAILED_PRECONDITION, `No document to update: ${path}`);
    if (wanted !== current.updateTime) {
      throw failure(FAILED_PRECONDITION, `The stored version (${current.updateTime}) does not match the required`
        + ` base version (${wanted}): ${path}`);
    }
  }
}

const isNumber = (value) => value !== undefined && rank(value) === 2;

/** The new value of a field, and what the caller is told. */
function transformed(transform, old, time) {
  const both = (value) => [value, value];
  if (transform.setToServerValue === 'REQUEST_TIME') {
    return both({ timestampValue: timestamp(time), valueType: 'timestampValue' });
  }
  if (transform.increment) return both(isNumber(old) ? sum(old, transform.increment) : transform.increment);
  if (transform.maximum) return both(isNumber(old) && compare(old, transform.maximum) >= 0 ? old : transform.maximum);
  if (transform.minimum) return both(isNumber(old) && compare(old, transform.minimum) <= 0 ? old : transform.minimum);
  const list = old && old.arrayValue ? elements(old) : [];
  const has = (values, value) => values.some((other) => compare(other, value) === 0);
  if (transform.appendMissingElements) {
    const values = [...list];
    for (const value of transform.appendMissingElements.values || []) if (!has(values, value)) values.push(value);
    return [arrayOf(values), nullValue];
  }
  if (transform.removeAllFromArray) {
    const gone = transform.removeAllFromArray.values || [];
    return [arrayOf(list.filter((value) => !has(gone, value))), nullValue];
  }
  throw invalid('A transform must have an operation.');
}

/** Integers stop at the ends of int64, and a double makes the sum a double. */
function sum(a, b) {
  if (a.valueType === 'integerValue' && b.valueType === 'integerValue') {
    const total = BigInt(a.integerValue) + BigInt(b.integerValue);
    return integerOf(total > INT64_MAX ? INT64_MAX : total < INT64_MIN ? INT64_MIN : total);
  }
  return doubleOf(Number(number(a)) + Number(number(b)));
}

module.exports = { Database };
