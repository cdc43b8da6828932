// A Firestore server in memory, for tests: `node firestore-front.cjs PORT`.
//
// It serves the protocol of google/firestore/v1/firestore.proto on loopback. README.md beside it says how far it
// is from Firestore, and why it is not a wrapper of a mock.
'use strict';

const { randomBytes } = require('node:crypto');
const path = require('node:path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');
const { failure, invalid, micros, parseName, timestamp } = require('./firestore-values.cjs');
const { Database } = require('./firestore-store.cjs');
const { aggregate, prepare } = require('./firestore-query.cjs');

const NOT_FOUND = 5, INTERNAL = 13;
// A request has at most 10 MiB: https://firebase.google.com/docs/firestore/quotas
const REQUEST_BYTES_MAX = 10 * 1024 * 1024;
const PAGE_SIZE = 300;

const databases = new Map();

/** Every database is there; it is empty before it is used. */
function databaseOf(name) {
  const { database } = parseName(name, 'database');
  if (!databases.has(database)) databases.set(database, new Database(database));
  return databases.get(database);
}

// --- Documents

function getDocument(request) {
  const database = databaseOf(request.name);
  const { path } = parseName(request.name, 'document');
  const state = database.read(path, database.consistency(request));
  if (!state) throw failure(NOT_FOUND, `Document "${request.name}" not found.`);
  return database.document(path, state, request.mask);
}

function batchGetDocuments({ request, send }) {
  const database = databaseOf(request.database);
  const consistency = database.consistency(request);
  const readTime = timestamp(consistency.time);
  if (request.newTransaction) send({ transaction: consistency.transaction.token, readTime });
  for (const name of new Set(request.documents || [])) {
    const { path } = parseName(name, 'document');
    const state = database.read(path, consistency);
    send(state ? { found: database.document(path, state, request.mask), readTime } : { missing: name, readTime });
  }
}

function createDocument({ parent, collectionId, documentId, document, mask }) {
  const id = documentId || randomBytes(15).toString('base64url').replace(/[-_]/g, 'a');
  const name = `${parent}/${collectionId}/${id}`;
  return writeDocument({ update: { ...document, name }, currentDocument: { exists: false } }, name, mask);
}

function updateDocument({ document, updateMask, currentDocument, mask }) {
  return writeDocument({ update: document, updateMask, currentDocument }, document.name, mask);
}

function writeDocument(write, name, mask) {
  const database = databaseOf(name);
  database.commit([write]);
  const { path } = parseName(name, 'document');
  return database.document(path, database.get(path), mask);
}

function deleteDocument({ name, currentDocument }) {
  databaseOf(name).commit([{ delete: name, currentDocument }]);
  return {};
}

function listDocuments(request) {
  const database = databaseOf(request.parent);
  const parent = parseName(request.parent, 'parent').path;
  const collection = parent === '' ? request.collectionId : `${parent}/${request.collectionId}`;
  const { time } = database.consistency(request);
  const row = (id) => {
    const path = `${collection}/${id}`, state = database.get(path, time);
    if (state) return database.document(path, state, request.mask);
    const below = request.showMissing && database.collectionsBelow(path, undefined, true);
    return below && below.some((one) => database.isAlive(one, time)) ? { name: `${database.name}/documents/${path}` } : undefined;
  };
  const ids = database.collections.get(collection) || [];
  const page = pageOf(ids, request, (id) => id, row);
  return { documents: page.items, nextPageToken: page.nextPageToken };
}

function listCollectionIds(request) {
  const database = databaseOf(request.parent);
  const parent = parseName(request.parent, 'parent').path;
  const { time } = database.consistency(request);
  const collections = database.collectionsBelow(parent, undefined, false);
  const id = (collection) => collection.slice(collection.lastIndexOf('/') + 1);
  const page = pageOf(collections, request, id, (collection) => database.isAlive(collection, time) && id(collection));
  return { collectionIds: page.items, nextPageToken: page.nextPageToken };
}

/** A page of what `item` gives for the keys; the token is the id of the last one that was looked at. */
function pageOf(keys, { pageSize, pageToken }, id, item) {
  const after = pageToken ? Buffer.from(pageToken, 'base64url').toString() : undefined;
  const size = pageSize || PAGE_SIZE;
  const items = [];
  let i = after === undefined ? 0 : keys.findIndex((key) => id(key) === after) + 1;
  for (; i < keys.length && items.length < size; i++) {
    const one = item(keys[i]);
    if (one) items.push(one);
  }
  const more = i < keys.length;
  return { items, nextPageToken: more ? Buffer.from(id(keys[i - 1])).toString('base64url') : '' };
}

// --- Queries

function runQuery({ request, send }) {
  const database = databaseOf(request.parent);
  const run = prepare(database, request.parent, request.structuredQuery || {});
  const consistency = database.consistency(request);
  const rows = rowsOf(run, consistency);
  const readTime = timestamp(consistency.time);
  const { select, offset } = request.structuredQuery;
  const mask = select && { fieldPaths: (select.fields || []).map((field) => field.fieldPath) };
  const begun = request.newTransaction ? { transaction: consistency.transaction.token } : {};
  if (rows.length === 0 || request.newTransaction) send({ ...begun, readTime, skippedResults: rows.length ? 0 : offset });
  for (const { path, state } of rows) send({ document: database.document(path, state, mask), readTime });
}

function runAggregationQuery({ request, send }) {
  const database = databaseOf(request.parent);
  const { structuredQuery, aggregations } = request.structuredAggregationQuery || {};
  const run = prepare(database, request.parent, structuredQuery || {});
  const consistency = database.consistency(request);
  const aggregateFields = aggregate(aggregations || [], rowsOf(run, consistency));
  const begun = request.newTransaction ? { transaction: consistency.transaction.token } : {};
  send({ ...begun, result: { aggregateFields }, readTime: timestamp(consistency.time) });
}

function rowsOf(run, { time, transaction }) {
  const answer = run(time);
  if (transaction) transaction.queries.push({ run, answer });
  return answer;
}

// --- Listening

/** Sends the result of each target, and after every commit what has changed in it. */
function listen(call) {
  const targets = new Map();
  let database;
  let pending = false;
  const send = (message) => call.write(message);
  const token = (time) => Buffer.from(String(time));
  const refresh = () => {
    pending = false;
    const readTime = database.readTime();
    for (const [id, target] of targets) sendChanges(id, target, readTime);
    send({ targetChange: { targetChangeType: 'NO_CHANGE', targetIds: [], readTime: timestamp(readTime), resumeToken: token(readTime) } });
  };
  const watcher = () => {
    // Commits that come together are told together.
    if (!pending && targets.size > 0) setImmediate(refresh);
    pending = targets.size > 0;
  };
  const sendChanges = (id, target, readTime) => {
    const rows = new Map(target.run(readTime).map(({ path, state }) => [path, state]));
    for (const path of target.rows.keys()) {
      if (rows.has(path)) continue;
      const document = `${database.name}/documents/${path}`;
      const gone = { document, removedTargetIds: [id], readTime: timestamp(readTime) };
      send(database.get(path, readTime) ? { documentRemove: gone } : { documentDelete: gone });
    }
    for (const [path, state] of rows) {
      if (target.rows.get(path) === state) continue;
      send({ documentChange: { document: database.document(path, state), targetIds: [id] } });
    }
    target.rows = rows;
  };
  const add = (target) => {
    const id = target.targetId || 1;
    const run = target.documents ? documentsOf(database, target.documents.documents || [])
      : prepare(database, target.query.parent, target.query.structuredQuery);
    const since = target.readTime ? micros(target.readTime) : Number(target.resumeToken || 0);
    // Anyone who comes back has the rows of then.
    const rows = since > 0 ? new Map(run(since).map(({ path, state }) => [path, state])) : new Map();
    targets.set(id, { run, rows });
    send({ targetChange: { targetChangeType: 'ADD', targetIds: [id] } });
    const readTime = database.readTime();
    sendChanges(id, targets.get(id), readTime);
    const current = { targetIds: [id], readTime: timestamp(readTime), resumeToken: token(readTime) };
    send({ targetChange: { ...current, targetChangeType: 'CURRENT' } });
    send({ targetChange: { ...current, targetChangeType: 'NO_CHANGE', targetIds: [] } });
  };
  const end = () => database && database.watchers.delete(watcher);
  call.on('data', (request) => {
    try {
      database ??= databaseOf(request.database);
      database.watchers.add(watcher);
      if (request.addTarget) add(request.addTarget);
      if (request.removeTarget !== undefined && targets.delete(request.removeTarget)) {
        send({ targetChange: { targetChangeType: 'REMOVE', targetIds: [request.removeTarget] } });
      }
    } catch (error) {
      end();
      call.emit('error', status(error));
    }
  });
  call.on('end', () => { end(); call.end(); });
  call.on('cancelled', end);
  call.on('error', end);
}

function documentsOf(database, names) {
  const paths = names.map((name) => parseName(name, 'document').path);
  return (time) => paths.map((path) => ({ path, state: database.get(path, time) })).filter((row) => row.state);
}

// --- Serving

function status(error) {
  if (!Number.isInteger(error.code)) console.error(error);
  return { code: Number.isInteger(error.code) ? error.code : INTERNAL, details: error.details || error.message };
}

const unary = (answer) => (call, callback) => {
  let result;
  try {
    result = answer(call.request);
  } catch (error) {
    return callback(status(error));
  }
  return callback(null, result);
};

const stream = (answer) => (call) => {
  const send = (message) => call.write(message);
  try {
    answer({ request: call.request, send });
    call.end();
  } catch (error) {
    call.emit('error', status(error));
  }
};

const methods = {
  GetDocument: unary(getDocument),
  ListDocuments: unary(listDocuments),
  CreateDocument: unary(createDocument),
  UpdateDocument: unary(updateDocument),
  DeleteDocument: unary(deleteDocument),
  BatchGetDocuments: stream(batchGetDocuments),
  BeginTransaction: unary((request) => ({ transaction: databaseOf(request.database).begin(request.options).token })),
  Commit: unary((request) => databaseOf(request.database).commit(request.writes || [], request.transaction)),
  Rollback: unary((request) => { databaseOf(request.database).rollback(request.transaction); return {}; }),
  BatchWrite: unary((request) => databaseOf(request.database).applyEach(request.writes || [])),
  RunQuery: stream(runQuery),
  RunAggregationQuery: stream(runAggregationQuery),
  ListCollectionIds: unary(listCollectionIds),
  Listen: listen,
};

function serve(port) {
  // The client library of Google ships the definitions.
  const protos = path.join(path.dirname(require.resolve('@google-cloud/firestore/package.json')), 'build/protos');
  const definition = loader.loadSync('google/firestore/v1/firestore.proto', {
    includeDirs: [protos], longs: String, enums: String, oneofs: true,
  });
  const { service } = grpc.loadPackageDefinition(definition).google.firestore.v1.Firestore;
  const server = new grpc.Server({
    'grpc.max_receive_message_length': REQUEST_BYTES_MAX, 'grpc.max_send_message_length': -1,
  });
  server.addService(service, methods);
  server.bindAsync(`127.0.0.1:${port}`, grpc.ServerCredentials.createInsecure(), (error) => {
    if (error) {
      console.error(error.message);
      process.exit(1);
    }
    console.log(`listening on 127.0.0.1:${port}`);
  });
}

serve(Number(process.argv[2] || 8080));
process.on('SIGTERM', () => process.exit(0));
