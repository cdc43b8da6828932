// A CouchDB server in memory, for tests: `node couchdb-front.cjs PORT`.
//
// It speaks HTTP as CouchDB 3.5 does, on loopback, over PouchDB. README.md beside it says what differs.
'use strict';

const crypto = require('node:crypto');
const http = require('node:http');
const { parse } = require('./couchdb-json.cjs');
const { Database, TEXT, conflict, draftOf, failure, fromPouch, print } = require('./couchdb-store.cjs');
const { at } = require('./couchdb-range.cjs');
const { compareText, place } = require('./order.cjs');

// Without credentials everybody is an administrator. Who sends some must send these.
const USER = 'admin', PASSWORD = 'secret';
const LONGPOLL_MS = 60000;

const databases = new Map();

/** A text that is JSON already, inside of an answer. */
class Json {
  constructor(text) {
    this.text = text;
  }
}

function stringify(value) {
  if (value instanceof Json) return value.text;
  if (Array.isArray(value)) return `[${value.map(stringify).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${stringify(member)}`).join(',')}}`;
}

const json = (document) => new Json(print(document));
const answer = (status, body, headers = {}) => ({ status, body, headers });
const ok = (body) => answer(200, body);

// --- Requests

class Request {
  constructor(incoming, body) {
    this.incoming = incoming;
    this.method = incoming.method;
    this.headers = incoming.headers;
    this.body = body;
    const [path, query = ''] = incoming.url.split('?');
    // CouchDB reads a plus in a path as a space.
    this.path = path.split('/').slice(1).map((segment) => decode(segment.replaceAll('+', ' ')));
    if (this.path[this.path.length - 1] === '') this.path.pop();
    this.query = Object.fromEntries(new URLSearchParams(query));
  }

  /** The body of a POST must be called JSON. */
  json() {
    if (this.method === 'POST' && !/^application\/json/.test(this.headers['content-type'] || '')) {
      throw failure(415, 'bad_content_type', 'Content-Type must be application/json');
    }
    try {
      return parse(new TextDecoder('utf-8', { fatal: true }).decode(this.body));
    } catch (error) {
      throw failure(400, 'bad_request', 'invalid UTF-8 JSON');
    }
  }

  /** Parameters of a listing: in the query as JSON, or in the body. */
  options() {
    const options = {};
    for (const [name, text] of Object.entries(this.query)) {
      options[name] = /^(start|end)_?key$|^keys?$/.test(name) ? this.parameter(name, text) : text;
    }
    if (this.method === 'POST' && this.body.length > 0) Object.assign(options, this.json().value());
    return {
      ...options,
      start: options.startkey ?? options.start_key,
      end: options.endkey ?? options.end_key,
      limit: options.limit === undefined ? Infinity : Number(options.limit),
      skip: Number(options.skip || 0),
      descending: isTrue(options.descending),
      docs: isTrue(options.include_docs),
    };
  }

  parameter(name, text) {
    try {
      return JSON.parse(text);
    } catch {
      throw failure(400, 'query_parse_error', `Invalid value for ${name}: ${text}`);
    }
  }
}

const isTrue = (value) => value === true || value === 'true';

function decode(segment) {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw failure(400, 'bad_request', 'The path is not UTF-8.');
  }
}

// --- The server

const server = {
  '': () => ok({ couchdb: 'Welcome', version: '3.5.0', git_sha: '11f0d3643', uuid: 'test', features: [], vendor: { name: 'test' } }),
  _up: () => ok({ status: 'ok', seeds: {} }),
  _all_dbs: (request) => ok(listed([...databases.keys()].sort(compareText), request.options()).page),
  _uuids: (request) => ok({ uuids: Array.from({ length: Number(request.query.count || 1) }, () => crypto.randomUUID().replaceAll('-', '')) }),
  _session: () => ok({ ok: true, userCtx: { name: USER, roles: ['_admin'] }, info: { authenticated: 'default' } }),
  _active_tasks: () => ok([]),
  _dbs_info: (request) => ok(request.json().value().keys.map((key) => (
    databases.has(key) ? { key, info: info(databases.get(key)) } : { key, error: 'not_found' }))),
};

// --- A database

function databaseRequest(request, name) {
  checkDatabaseName(name);
  if (request.method === 'PUT') return createDatabase(name);
  const database = databaseOf(name);
  switch (request.method) {
    case 'GET': case 'HEAD': return ok(info(database));
    case 'DELETE':
      databases.delete(name);
      return database.destroy().then(() => ok({ ok: true }));
    case 'POST': return putDocument(request, database, undefined);
    default: throw notAllowed('DELETE,GET,HEAD,POST,PUT');
  }
}

function checkDatabaseName(name) {
  if (!/^[a-z][a-z0-9_$()+/-]*$/.test(name)) {
    throw failure(400, 'illegal_database_name', `Name: '${name}'. Only lowercase characters (a-z), digits (0-9), and any`
      + ' of the characters _, $, (, ), +, -, and / are allowed. Must begin with a letter.');
  }
  if (name.length > 238) throw failure(400, 'database_name_too_long', `At least one path segment of \`${name}\` is too long.`);
}

function createDatabase(name) {
  if (databases.has(name)) {
    throw failure(412, 'file_exists', 'The database could not be created, the file already exists.');
  }
  databases.set(name, new Database(name));
  return answer(201, { ok: true }, { Location: `/${encodeURIComponent(name)}` });
}

function databaseOf(name) {
  const database = databases.get(name);
  if (!database) throw failure(404, 'not_found', 'Database does not exist.');
  return database;
}

function info(database) {
  const { length } = database.ids;
  return {
    instance_start_time: '0', db_name: database.name, purge_seq: '0-0', update_seq: token(database.seq),
    sizes: { file: 0, external: 0, active: 0 }, props: {}, doc_del_count: database.documents.size - length,
    doc_count: length, disk_format_version: 8, compact_running: false, cluster: { q: 2, n: 1, w: 1, r: 1 },
  };
}

const inDatabase = {
  _all_docs: allDocs,
  _bulk_docs: bulkDocs,
  _bulk_get: bulkGet,
  _changes: changes,
  _find: find,
  _explain: async (request, database) => ok(await database.pouch.explain(request.json().value())),
  _index: index,
  _ensure_full_commit: () => answer(201, { ok: true, instance_start_time: '0' }),
  _compact: () => answer(202, { ok: true }),
  _security: (request) => ok(request.method === 'PUT' ? { ok: true } : { members: { roles: ['_admin'] }, admins: { roles: ['_admin'] } }),
  _revs_limit: (request, database) => {
    if (request.method === 'GET') return ok(database.revsLimit);
    database.revsLimit = request.json().value();
    return ok({ ok: true });
  },
};

// --- Listings

/** The keys between two others, in the order of their bytes. */
function listed(sorted, { start, end, key, limit, skip, descending, inclusive_end: inclusive }) {
  let [from, to] = descending ? [end, start] : [start, end];
  if (key !== undefined) from = to = key;
  let low = from === undefined ? 0 : bound(sorted, from, false);
  let high = to === undefined ? sorted.length : bound(sorted, to, true);
  if (end !== undefined && (inclusive === false || inclusive === 'false')) {
    if (descending) low = bound(sorted, end, true);
    else high = bound(sorted, end, false);
  }
  const page = sorted.slice(low, Math.max(low, high));
  if (descending) page.reverse();
  return { offset: low, page: page.slice(skip, skip + limit) };
}

/** How many keys are before a value of JSON: null, booleans and numbers before all texts, lists and objects after. */
function bound(sorted, key, after) {
  if (typeof key !== 'string') return key !== null && typeof key === 'object' ? sorted.length : 0;
  const at = place(sorted, key);
  return after && sorted[at] === key ? at + 1 : at;
}

function allDocs(request, database) {
  const options = request.options();
  if (request.method === 'POST' && options.queries) {
    return ok({ results: options.queries.map((query) => rowsOf(database, new RequestOptions(query))) });
  }
  return ok(rowsOf(database, options));
}

/** The options of one of several listings in a request. */
class RequestOptions {
  constructor(query) {
    Object.assign(this, query, {
      start: query.startkey ?? query.start_key, end: query.endkey ?? query.end_key, limit: query.limit ?? Infinity,
      skip: query.skip || 0, descending: query.descending === true, docs: query.include_docs === true,
    });
  }
}

function rowsOf(database, options) {
  const { keys, docs, skip, limit } = options;
  const total = database.ids.length;
  if (keys) {
    if (!Array.isArray(keys)) throw failure(400, 'bad_request', '`keys` member must be an array.');
    const ordered = options.descending ? [...keys].reverse() : keys;
    return { total_rows: total, offset: null, rows: ordered.slice(skip, skip + limit).map((key) => row(database, key, docs)) };
  }
  const { offset, page } = listed(database.ids, options);
  return { total_rows: total, offset, rows: page.map((id) => row(database, id, docs)) };
}

function row(database, id, docs) {
  const document = database.current(id);
  if (!document) return { key: id, error: 'not_found' };
  const { rev, deleted } = document;
  const value = deleted ? { rev, deleted } : { rev };
  return { id, key: id, value, doc: docs ? (deleted ? null : json(document)) : undefined };
}

// --- Many documents

async function bulkDocs(request, database) {
  const body = request.json();
  const docs = body.get('docs');
  if (!docs || !docs.items) throw failure(400, 'bad_request', 'POST body must include `docs` parameter.');
  const drafts = docs.items.map((node) => draftOf(node));
  const replicated = body.get('new_edits')?.json === 'false';
  const rows = await (replicated ? database.replicate(drafts) : database.write(drafts));
  return answer(201, rows.map(({ error, reason, id, rev }) => (error ? { id, error, reason } : { ok: true, id, rev })));
}

async function bulkGet(request, database) {
  const { docs } = request.json().value();
  if (!Array.isArray(docs)) throw failure(400, 'bad_request', 'Missing JSON list of `docs`.');
  const results = docs.map(async ({ id, rev }) => {
    const options = { rev, revs: isTrue(request.query.revs) };
    const current = database.current(id);
    const plain = !options.revs && current && (!rev || rev === current.rev);
    const document = plain ? current : await database.revision(id, { ...options, rev: rev ?? current?.rev });
    const missing = { error: { id, rev: rev ?? 'undefined', error: 'not_found', reason: 'missing' } };
    return { id, docs: [document ? { ok: json(document) } : missing] };
  });
  return ok({ results: await Promise.all(results) });
}

// --- One document

function documentRequest(request, database, id) {
  switch (request.method) {
    case 'GET': case 'HEAD': return getDocument(request, database, id);
    case 'PUT': return putDocument(request, database, id);
    case 'DELETE': return deleteDocument(request, database, id);
    default: throw notAllowed('DELETE,GET,HEAD,POST,PUT,COPY');
  }
}

async function getDocument(request, database, id) {
  const { rev, revs, conflicts, open_revs: open } = request.query;
  if (open) return openRevisions(database, id, open, isTrue(revs));
  const current = database.current(id);
  let document = current;
  if (rev || isTrue(revs) || isTrue(conflicts) || id.startsWith('_local/')) {
    document = await database.revision(id, { rev: rev ?? current?.rev, revs: isTrue(revs), conflicts: isTrue(conflicts) });
  }
  if (!document) throw failure(404, 'not_found', 'missing');
  if (document.deleted && !rev) throw failure(404, 'not_found', 'deleted');
  const etag = `"${document.rev}"`;
  if (request.headers['if-none-match'] === etag) return answer(304, undefined, { ETag: etag });
  return answer(200, json(document), { ETag: etag });
}

async function openRevisions(database, id, open, revs) {
  const leaves = await database.pouch.get(id, { open_revs: open === 'all' ? 'all' : JSON.parse(open), revs });
  return ok(leaves.map((leaf) => (leaf.ok ? { ok: json(fromPouch(leaf.ok)) } : leaf)));
}

async function putDocument(request, database, id) {
  const draft = draftOf(request.json(), id);
  draft.rev = givenRevision(request, draft.rev);
  const [result] = await database.write([draft], { invented: true });
  return written(request, database, result, 201);
}

async function deleteDocument(request, database, id) {
  const rev = givenRevision(request);
  const current = database.current(id);
  if (!id.startsWith('_local/')) {
    if (!current) throw failure(404, 'not_found', 'missing');
    if (!rev && current.deleted) throw failure(404, 'not_found', 'deleted');
    if (!rev) throw conflict();
  }
  const draft = { id, rev, text: '', deleted: true };
  if (id.startsWith('_local/')) draft.rev = rev ?? (await database.revision(id, {}))?.rev;
  const [result] = await database.write([draft]);
  return written(request, database, result, 200);
}

/** A revision may stand in three places, and must be the same in all. */
function givenRevision({ headers, query }, inBody) {
  const inHeader = headers['if-match']?.replaceAll('"', '');
  const [rev, ...others] = new Set([query.rev, inHeader, inBody].filter((one) => one !== undefined));
  if (others.length > 0) {
    throw failure(400, 'bad_request', 'Document rev from request body and query string have different values');
  }
  return rev;
}

function written(request, database, { error, id, rev, ...failed }, status) {
  if (error) throw Object.assign(failed, { error, reason: failed.reason });
  const location = `/${encodeURIComponent(database.name)}/${encodeURIComponent(id)}`;
  return answer(status, { ok: true, id, rev }, { ETag: `"${rev}"`, Location: location });
}

// --- Changes

/** A place in the feed. CouchDB's is an opaque text, and so is this one. */
const token = (seq) => `${seq}-g1AAAAtest${Buffer.from(String(seq)).toString('base64url')}`;

function sequence(database, since) {
  if (since === undefined || since === '' || since === '0' || since === 0) return 0;
  if (since === 'now') return database.seq;
  const match = /^(\d+)-/.exec(since);
  if (!match) throw failure(400, 'bad_request', 'Malformed sequence supplied in \'since\' parameter.');
  return Number(match[1]);
}

function changesSince(database, since, options, ids) {
  const entries = database.changesSince(since).filter(({ id }) => !ids || ids.has(id));
  if (options.descending) entries.reverse();
  return entries.map(({ id, seq }) => {
    const document = database.current(id);
    const doc = options.docs ? json(document) : undefined;
    return { seq: token(seq), id, changes: [{ rev: document.rev }], deleted: document.deleted || undefined, doc };
  });
}

function changes(request, database) {
  const options = request.options();
  const ids = options.filter === '_doc_ids' ? new Set(options.doc_ids) : undefined;
  if (options.filter && !ids) throw failure(501, 'not_implemented', 'Only the filter _doc_ids is here.');
  const since = sequence(database, options.since);
  if (options.feed === 'continuous' || options.feed === 'eventsource') {
    return { stream: (response) => followChanges(request, response, database, { options, since, ids }) };
  }
  const respond = (rows) => {
    const page = rows.slice(0, options.limit);
    const last = page.length < rows.length ? page[page.length - 1].seq : token(database.seq);
    return ok({ results: page, last_seq: last, pending: rows.length - page.length });
  };
  const rows = changesSince(database, since, options, ids);
  if (options.feed !== 'longpoll' || rows.length > 0) return respond(rows);
  return new Promise((done) => {
    const finish = () => {
      clearTimeout(timer);
      database.watchers.delete(finish);
      done(respond(changesSince(database, since, options, ids)));
    };
    const timer = setTimeout(finish, Math.min(Number(options.timeout || LONGPOLL_MS), LONGPOLL_MS));
    database.watchers.add(finish);
    request.incoming.on('close', finish);
  });
}

function followChanges(request, response, database, { options, since, ids }) {
  const events = options.feed === 'eventsource';
  let place = since;
  let left = options.limit;
  response.writeHead(200, { 'Content-Type': events ? 'text/event-stream' : 'application/json' });
  response.flushHeaders();
  let timer;
  const finish = () => {
    clearTimeout(timer);
    clearInterval(heart);
    database.watchers.delete(send);
    if (!events) response.write(`${stringify({ last_seq: token(place), pending: 0 })}\n`);
    response.end();
  };
  const send = () => {
    for (const change of changesSince(database, place, options, ids).slice(0, left)) {
      response.write(events ? `data: ${stringify(change)}\nid: ${change.seq}\n\n` : `${stringify(change)}\n`);
      left -= 1;
    }
    place = database.seq;
    clearTimeout(timer);
    if (left <= 0) finish();
    else if (!options.heartbeat) timer = setTimeout(finish, Math.min(Number(options.timeout || LONGPOLL_MS), LONGPOLL_MS));
  };
  const beat = options.heartbeat === 'true' ? LONGPOLL_MS : Number(options.heartbeat || 0);
  const heart = beat > 0 ? setInterval(() => response.write(events ? ': heartbeat\n\n' : '\n'), beat) : undefined;
  database.watchers.add(send);
  response.on('close', () => {
    clearTimeout(timer);
    clearInterval(heart);
    database.watchers.delete(send);
  });
  send();
}

// --- Mango

async function find(request, database) {
  const query = request.json().value();
  // PouchDB has no bookmarks; the number of rows before is one.
  const skipped = query.bookmark && query.bookmark !== 'nil' ? Number(Buffer.from(query.bookmark, 'base64url').toString()) : 0;
  const limit = query.limit ?? 25;
  const skip = skipped + (query.skip || 0);
  const found = database.inRange({ ...query, limit, skip });
  if (found) {
    const rows = found.map((one) => (query.fields ? projected(JSON.parse(print(one)), query.fields) : json(one)));
    return ok({ docs: rows, bookmark: rows.length > 0 ? Buffer.from(String(skip + rows.length)).toString('base64url') : 'nil' });
  }
  const { docs, warning } = await database.pouch.find({ ...query, bookmark: undefined, limit, skip }).catch(badQuery);
  const next = Buffer.from(String(skip + docs.length)).toString('base64url');
  const rows = docs.map((doc) => (TEXT in doc ? json(fromPouch(doc)) : doc));
  return ok({ docs: rows, bookmark: docs.length > 0 ? next : 'nil', warning });
}

/** The fields of a document that a query wants. */
function projected(document, fields) {
  const result = {};
  for (const field of fields) {
    const path = field.split('.');
    const value = at(document, path);
    if (value === undefined) continue;
    const inner = path.slice(0, -1).reduce((outer, name) => (outer[name] ??= {}), result);
    inner[path[path.length - 1]] = value;
  }
  return result;
}

function badQuery({ message }) {
  if (/^Cannot sort/.test(message)) {
    throw failure(400, 'no_usable_index', 'No index exists for this sort, try indexing by the sort fields.');
  }
  throw failure(400, 'bad_request', message);
}

async function index(request, database) {
  if (request.method === 'GET') return ok(await database.pouch.getIndexes());
  if (request.method === 'DELETE') {
    const [ddoc, type, name] = request.path.slice(2);
    await database.pouch.deleteIndex({ ddoc: ddoc.replace(/^_design\//, ''), type, name });
    return ok({ ok: true });
  }
  return ok(await database.createIndex(request.json().value()));
}

// --- Serving

const notAllowed = (methods) => failure(405, 'method_not_allowed', `Only ${methods} allowed`);

function route(request) {
  authorize(request);
  const [name, second, ...rest] = request.path;
  if (name === undefined || name.startsWith('_')) {
    const handler = Object.hasOwn(server, name ?? '') && server[name ?? ''];
    if (!handler) throw failure(404, 'not_found', 'missing');
    return handler(request);
  }
  if (second === undefined) return databaseRequest(request, name);
  const database = databaseOf(name);
  if (second === '_design' || second === '_local') {
    if (rest.length > 1) throw failure(501, 'not_implemented', 'No views here.');
    return documentRequest(request, database, `${second}/${rest[0]}`);
  }
  if (second.startsWith('_')) {
    if (!Object.hasOwn(inDatabase, second)) {
      throw failure(400, 'illegal_docid', 'Only reserved document ids may start with underscore.');
    }
    return inDatabase[second](request, database);
  }
  if (rest.length > 0) throw failure(501, 'not_implemented', 'No attachments here.');
  return documentRequest(request, database, second);
}

function authorize({ headers }) {
  const [, credentials] = /^Basic (.*)$/i.exec(headers.authorization || '') || [];
  if (credentials === undefined) return;
  if (Buffer.from(credentials, 'base64').toString() !== `${USER}:${PASSWORD}`) {
    throw failure(401, 'unauthorized', 'Name or password is incorrect.');
  }
}

async function respond(incoming, response, body) {
  let result;
  try {
    result = await route(new Request(incoming, body));
  } catch (error) {
    if (!error.status) console.error(error);
    const status = error.status || 500;
    const name = error.error && error.error !== true ? error.error : error.name;
    result = answer(status, { error: name || 'error', reason: error.reason || error.message });
  }
  if (result.stream) return result.stream(response);
  const text = result.body === undefined ? '' : `${stringify(result.body)}\n`;
  const content = text ? { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) } : {};
  response.writeHead(result.status, { Server: 'CouchDB/3.5.0 (test)', 'Cache-Control': 'must-revalidate', ...content, ...result.headers });
  return response.end(incoming.method === 'HEAD' ? undefined : text);
}

function serve(port) {
  const listener = http.createServer((incoming, response) => {
    const chunks = [];
    incoming.on('data', (chunk) => chunks.push(chunk));
    incoming.on('end', () => respond(incoming, response, Buffer.concat(chunks)));
  });
  // A client keeps its connections for as long as it likes, as with CouchDB.
  listener.keepAliveTimeout = 0;
  listener.requestTimeout = 0;
  listener.on('error', (error) => {
    console.error(error.message);
    process.exit(1);
  });
  listener.listen(port, '127.0.0.1', () => console.log(`listening on 127.0.0.1:${port}`));
}

serve(Number(process.argv[2] || 5984));
process.on('SIGTERM', () => process.exit(0));
