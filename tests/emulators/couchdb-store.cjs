// Databases of documents with revisions. PouchDB decides about revisions, conflicts and Mango queries; what it
// gets wrong is beside it: bodies as text, ids in the order of their bytes, changes with a place.
'use strict';

const crypto = require('node:crypto');
const PouchDB = require('pouchdb-core')
  .plugin(require('pouchdb-adapter-memory'))
  .plugin(require('pouchdb-find'));
const { RangeIndex } = require('./couchdb-range.cjs');
const { place } = require('./order.cjs');

/** The member of PouchDB's document that holds the text of all others. */
const TEXT = '\u0001text';
// The default of CouchDB 3: https://docs.couchdb.org/en/stable/config/couchdb.html
const DOCUMENT_BYTES_MAX = 8000000;
const SPECIAL = new Set(['_id', '_rev', '_deleted', '_revisions', '_attachments', '_conflicts', '_deleted_conflicts',
  '_revs_info', '_local_seq']);

function failure(status, error, reason) {
  return Object.assign(new Error(reason), { status, error, reason });
}

const conflict = () => failure(409, 'conflict', 'Document update conflict.');

class Database {
  /** The winning revision of each document, and all that nothing follows: `{ rev, text, deleted, seq, leaves }`. */
  documents = new Map();
  /** The ids of documents that are not deleted, in the order of their bytes. */
  ids = [];
  /** `{ seq, id }` in order; only the entry with a document's own number counts. */
  log = [];
  watchers = new Set();
  /** Indexes over one field, by the id of their design document and their name. */
  ranges = new Map();
  seq = 0;
  revsLimit = 1000;
  writing = Promise.resolve();

  constructor(name) {
    this.name = name;
    this.pouch = new PouchDB(`${crypto.randomUUID()}`, { adapter: 'memory' });
  }

  /** One write after the other, so that what is beside PouchDB changes in its order. */
  inTurn(write) {
    const result = this.writing.then(write);
    this.writing = result.catch(() => {});
    return result;
  }

  /** Writes documents; each gives `{ id, rev }` or an error with the id. */
  write(drafts, { invented = false } = {}) {
    drafts.forEach(check);
    return this.inTurn(async () => {
      const [draft] = drafts;
      // CouchDB 3.5 takes an invented revision of a document that never was, unless the database is empty.
      if (invented && draft.rev && this.documents.size > 0 && !this.documents.has(draft.id)) {
        return [await this.invent(draft)];
      }
      const ids = new Set();
      const rows = drafts.map((one) => {
        // Of two writes of one document in a request, the second comes too late.
        const late = ids.has(one.id);
        ids.add(one.id);
        return late || !this.follows(one) ? Object.assign(conflict(), { id: one.id }) : undefined;
      });
      const accepted = drafts.filter((_, i) => !rows[i]);
      const results = accepted.length > 0 ? await this.pouch.bulkDocs(accepted.map(toPouch)) : [];
      for (const [i, row] of results.entries()) await this.noteWritten(accepted[i], row);
      return rows.map((row) => {
        if (row) return row;
        const result = results.shift();
        return result.error ? Object.assign(conflictOf(result), { id: result.id }) : result;
      });
    });
  }

  /**
   * Whether a write follows what is there. PouchDB would take the same write twice, and then stumble: the
   * revision it makes is there already.
   */
  follows({ id, rev }) {
    const known = this.documents.get(id);
    if (id.startsWith('_local/')) return true;
    if (!known) return rev === undefined;
    return rev === undefined ? known.deleted : rev === known.rev || known.leaves.includes(rev);
  }

  async noteWritten({ text, deleted }, { error, id, rev }) {
    if (error) return;
    const known = this.documents.get(id);
    if (known && known.leaves.length > 1) await this.refresh(id);
    else this.note(id, { rev, text, deleted, leaves: [rev] });
  }

  /** Writes revisions as they are, as a replication does; what is refused comes back. */
  replicate(drafts) {
    drafts.forEach(check);
    return this.inTurn(async () => {
      const rows = await this.pouch.bulkDocs(drafts.map(toPouch), { new_edits: false });
      const refused = new Set(rows.map((row) => row.id));
      for (const { id, rev, text, deleted } of drafts) {
        if (refused.has(id)) continue;
        if (this.documents.has(id)) await this.refresh(id);
        else this.note(id, { rev, text, deleted, leaves: [rev] });
      }
      return rows;
    });
  }

  async invent(draft) {
    const [number, hash] = draft.rev.split('-');
    const fresh = crypto.createHash('md5').update(draft.rev + draft.text).digest('hex');
    const start = Number(number) + 1;
    const doc = { ...toPouch(draft), _rev: `${start}-${fresh}`, _revisions: { start, ids: [fresh, hash] } };
    await this.pouch.bulkDocs([doc], { new_edits: false });
    await this.refresh(draft.id);
    return { id: draft.id, rev: doc._rev };
  }

  /** Looks up which revision wins. */
  async refresh(id) {
    const open = await this.pouch.get(id, { open_revs: 'all' });
    const sorted = open.map((leaf) => leaf.ok).filter(Boolean).sort(byRank);
    const leaves = sorted.map((leaf) => leaf._rev);
    const { rev, text, deleted } = fromPouch(sorted[0]);
    const known = this.documents.get(id);
    if (known && known.rev === rev) known.leaves = leaves;
    else this.note(id, { rev, text, deleted, leaves });
  }

  note(id, document) {
    if (id.startsWith('_local/')) return;
    const known = this.documents.get(id);
    const [was, is] = [known && !known.deleted, !document.deleted];
    if (is && !was) this.ids.splice(place(this.ids, id), 0, id);
    if (was && !is) this.ids.splice(place(this.ids, id), 1);
    this.seq += 1;
    this.documents.set(id, { ...document, seq: this.seq });
    if (this.ranges.size > 0) this.noteInRanges(id, document);
    this.log.push({ seq: this.seq, id });
    if (this.log.length > 2 * this.documents.size + 1000) this.log = this.log.filter((entry) => this.counts(entry));
    for (const watcher of this.watchers) watcher();
  }

  noteInRanges(id, document) {
    const value = JSON.parse(`{${document.text ?? ''}}`);
    for (const range of this.ranges.values()) range.note(id, document, value);
  }

  /** The documents that a query for a range asks for; undefined when PouchDB must answer it. */
  inRange(query) {
    const [design, name] = Array.isArray(query.use_index) ? query.use_index : [];
    const id = `_design/${String(design).replace(/^_design\//, '')}`;
    const isThere = this.documents.get(id)?.deleted === false;
    const range = isThere ? this.ranges.get(`${id}/${name}`) : undefined;
    return range?.ids(query)?.map((one) => this.current(one));
  }

  counts({ seq, id }) {
    return this.documents.get(id).seq === seq;
  }

  /** The last change of each document after a place. */
  changesSince(since) {
    let low = 0, high = this.log.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.log[middle].seq <= since) low = middle + 1;
      else high = middle;
    }
    return this.log.slice(low).filter((entry) => this.counts(entry));
  }

  /** The winner, which may be deleted. */
  current(id) {
    const document = this.documents.get(id);
    return document && { id, ...document };
  }

  /** A revision that is still there, with what the options of PouchDB add. */
  async revision(id, options) {
    try {
      return fromPouch(await this.pouch.get(id, options));
    } catch (error) {
      if (error.status === 404) return undefined;
      throw error;
    }
  }

  async createIndex(definition) {
    const answer = await this.pouch.createIndex(definition);
    const [field, ...others] = definition.index.fields;
    await this.inTurn(async () => {
      await this.refresh(answer.id);
      if (typeof field !== 'string' || others.length > 0 || definition.index.partial_filter_selector) return;
      const range = new RangeIndex(field);
      for (const [id, document] of this.documents) range.note(id, document, JSON.parse(`{${document.text ?? ''}}`));
      this.ranges.set(`${answer.id}/${answer.name}`, range);
    });
    return answer;
  }

  destroy() {
    return this.inTurn(() => this.pouch.destroy());
  }
}

/** A living revision before a deleted one, then the longer history, then the greater hash. */
function byRank(a, b) {
  const [x, y] = [a._rev, b._rev].map((rev) => rev.split('-'));
  return Number(Boolean(a._deleted)) - Number(Boolean(b._deleted)) || Number(y[0]) - Number(x[0]) || (y[1] > x[1] ? 1 : -1);
}

function conflictOf(row) {
  return row.status === 409 ? conflict() : failure(row.status, row.name, row.message);
}

/** A document as it is written, from the JSON of a request. */
function draftOf(node, id) {
  if (!node.members) throw failure(400, 'bad_request', 'Document must be a JSON object');
  const draft = { id, special: {} };
  const text = [];
  for (const [name, value] of node.members) {
    if (!name.startsWith('_')) text.push(`${JSON.stringify(name)}:${value.json}`);
    else if (SPECIAL.has(name)) draft.special[name] = value.value();
    else throw failure(400, 'doc_validation', `Bad special document member: ${name}`);
  }
  const { _id, _rev, _deleted, _revisions, _attachments } = draft.special;
  if (_attachments && Object.keys(_attachments).length > 0) throw failure(501, 'not_implemented', 'No attachments here.');
  draft.id ??= _id ?? crypto.randomUUID().replaceAll('-', '');
  draft.text = text.join(',');
  return { ...draft, rev: _rev, deleted: _deleted === true, revisions: _revisions };
}

function check({ id, rev, text }) {
  if (typeof id !== 'string') throw failure(400, 'illegal_docid', 'Document id must be a string');
  if (id === '') throw failure(400, 'illegal_docid', 'Document id must not be empty');
  if (id.startsWith('_') && !/^_(design|local)\/./.test(id)) {
    throw failure(400, 'illegal_docid', 'Only reserved document ids may start with underscore.');
  }
  if (rev !== undefined && !/^\d+-[0-9a-zA-Z]+$/.test(rev)) throw failure(400, 'bad_request', 'Invalid rev format');
  if (Buffer.byteLength(text) > DOCUMENT_BYTES_MAX) throw failure(413, 'document_too_large', id);
}

function toPouch({ id, rev, text, deleted, revisions }) {
  const doc = { ...JSON.parse(`{${text}}`), _id: id, [TEXT]: text };
  if (rev) doc._rev = rev;
  if (deleted) doc._deleted = true;
  if (revisions) doc._revisions = revisions;
  return doc;
}

function fromPouch(doc) {
  const { _id, _rev, _deleted, [TEXT]: text, ...rest } = doc;
  const special = Object.fromEntries(Object.entries(rest).filter(([name]) => SPECIAL.has(name)));
  // Design documents of indexes are written by PouchDB itself.
  const members = () => Object.entries(rest).filter(([name]) => !SPECIAL.has(name))
    .map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',');
  return { id: _id, rev: _rev, text: text ?? members(), deleted: Boolean(_deleted), special };
}

/** A document as it is sent. */
function print({ id, rev, text, deleted, special = {} }) {
  const body = text ? `,${text}` : '';
  const more = Object.entries(special).map(([name, value]) => `,${JSON.stringify(name)}:${JSON.stringify(value)}`).join('');
  return `{"_id":${JSON.stringify(id)},"_rev":${JSON.stringify(rev)}${body}${deleted ? ',"_deleted":true' : ''}${more}}`;
}

module.exports = { Database, TEXT, conflict, draftOf, failure, fromPouch, print };
