// Asks Firestore servers the same questions and shows where their answers differ:
// `node firestore-compare.cjs HOST:PORT HOST:PORT`. Exit code 1 says that some differ.
'use strict';

const path = require('node:path');
const { isDeepStrictEqual, inspect } = require('node:util');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const protos = path.join(path.dirname(require.resolve('@google-cloud/firestore/package.json')), 'build/protos');
const definition = loader.loadSync('google/firestore/v1/firestore.proto', {
  includeDirs: [protos], longs: String, enums: String, defaults: true,
});
const { Firestore } = grpc.loadPackageDefinition(definition).google.firestore.v1;

// Without this the emulator of Google applies rules of access.
const credentials = new grpc.Metadata();
credentials.set('authorization', 'Bearer owner');

class Server {
  constructor(host, database) {
    const limit = { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 };
    this.client = new Firestore(host, grpc.credentials.createInsecure(), limit);
    this.database = database;
    this.root = `${database}/documents`;
  }

  unary(method, request) {
    return new Promise((done, failed) => {
      this.client[method](request, credentials, (error, answer) => (error ? failed(error) : done(answer)));
    });
  }

  stream(method, request) {
    return new Promise((done, failed) => {
      const messages = [];
      const call = this.client[method](request, credentials);
      call.on('data', (message) => messages.push(message)).on('error', failed).on('end', () => done(messages));
    });
  }

  name(path) { return `${this.root}/${path}`; }
  commit(writes, more) { return this.unary('Commit', { database: this.database, writes, ...more }); }
  set(path, fields, more) { return this.commit([{ update: { name: this.name(path), fields }, ...more }]); }
  get(path, more) { return this.unary('GetDocument', { name: this.name(path), ...more }); }
  async fields(path) { return (await this.get(path)).fields; }
  delete(path, more) { return this.commit([{ delete: this.name(path), ...more }]); }
  begin(options) { return this.unary('BeginTransaction', { database: this.database, options }).then((x) => x.transaction); }
  async ids(structuredQuery, more) {
    const rows = await this.stream('RunQuery', { parent: this.root, structuredQuery, ...more });
    return rows.filter((row) => row.document).map((row) => row.document.name.slice(this.root.length + 1));
  }
  reference(path) { return { referenceValue: this.name(path) }; }
}

// --- Values

const int = (value) => ({ integerValue: String(value) });
const double = (doubleValue) => ({ doubleValue });
const text = (stringValue) => ({ stringValue });
const bytes = (...list) => ({ bytesValue: Buffer.from(list) });
const time = (seconds, nanos) => ({ timestampValue: { seconds, nanos } });
const geo = (latitude, longitude) => ({ geoPointValue: { latitude, longitude } });
const array = (...values) => ({ arrayValue: { values } });
const map = (fields) => ({ mapValue: { fields } });
const yes = { booleanValue: true }, no = { booleanValue: false }, nothing = { nullValue: 'NULL_VALUE' };

const VALUES = {
  null: nothing, no, yes, nan: double(NaN), negative: double(-Infinity), min: int('-9223372036854775808'),
  a1: int(-1), zero: int(0), minus: double(-0), tiny: double(5e-324), one: int(1), one2: double(1), half: double(1.5),
  b53: int('9007199254740993'), d53: double(9007199254740992), max: int('9223372036854775807'), big: double(9223372036854775807),
  huge: double(1.7976931348623157e308), t0: time(0, 0), t1: time(1, 1000), t2: time(1, 1999), empty: text(''), s10: text('10'),
  s9: text('9'), sA: text('A'), sa: text('a'), wide: text('\uff21'), smile: text('\u{1f600}'), nul: text('a\0b'), b0: bytes(), b1: bytes(1),
  b10: bytes(1, 0), b255: bytes(255), g0: geo(0, 0), g1: geo(0, 1), g2: geo(-1, 5), l0: array(), l1: array(int(1)), l12: array(int(1), int(2)),
  l2: array(text('x')), m0: map({}), m1: map({ a: int(1) }), m2: map({ a: int(2) }), m3: map({ b: int(0) }), m4: map({ a: int(1), b: nothing }),
  big1: map({ '10': int(1), '9': int(2), '': undefined }),
};
delete VALUES.big1.mapValue.fields[''];

const order = (field, direction = 'ASCENDING') => ({ field: { fieldPath: field }, direction });
const from = (collectionId) => [{ collectionId }];
const where = (field, op, value) => ({ fieldFilter: { field: { fieldPath: field }, op, value } });
const is = (field, op) => ({ unaryFilter: { field: { fieldPath: field }, op } });
const both = (...filters) => ({ compositeFilter: { op: 'AND', filters } });
const either = (...filters) => ({ compositeFilter: { op: 'OR', filters } });

async function fill(server, collection, values) {
  const writes = Object.entries(values).map(([id, v]) => ({ update: { name: server.name(`${collection}/${id}`), fields: { v } } }));
  await server.commit(writes);
}

function nested(depth, make) {
  let value = int(1);
  for (let i = 0; i < depth; i++) value = make(value);
  return value;
}

// --- Questions

const questions = {
  async 'every value comes back as it was'(s) {
    await fill(s, 'values', VALUES);
    const answer = {};
    for (const id of Object.keys(VALUES)) answer[id] = await s.fields(`values/${id}`);
    return answer;
  },
  async 'the order of values'(s) { return s.ids({ from: from('values'), orderBy: [order('v')] }); },
  async 'the order of values downwards'(s) { return s.ids({ from: from('values'), orderBy: [order('v', 'DESCENDING')] }); },
  async 'the order of names'(s) { return s.ids({ from: from('values'), orderBy: [order('__name__')] }); },
  async 'a field that some lack'(s) {
    await s.set('values/without', { w: int(1) });
    return s.ids({ from: from('values'), orderBy: [order('w')] });
  },
  async 'odd field names'(s) {
    const fields = { '10': int(1), 9: int(2), 'a b': int(3), 'ü': int(4), '\u{1f600}': int(5), '`': int(6), '\\': int(7), 'a.b': int(8), _x: int(9), '0': int(1) };
    await s.set('odd/1', fields);
    return s.fields('odd/1');
  },
  async 'masks of odd names'(s) {
    await s.set('odd/1', { 'a.b': int(80), '`': int(60) }, { updateMask: { fieldPaths: ['`a.b`', '`\\``', 'ü'] } });
    return s.fields('odd/1');
  },
  async 'quoted paths in order and select'(s) {
    const rows = await s.stream('RunQuery', { parent: s.root, structuredQuery: { from: from('odd'), orderBy: [order('`a.b`')], select: { fields: [{ fieldPath: '`a.b`' }] } } });
    return rows.filter((row) => row.document).map((row) => row.document.fields);
  },
};

const refused = {
  'an empty field name': { '': int(1) },
  'a reserved field name': { __a__: int(1) },
  'an inner empty field name': { a: map({ '': int(1) }) },
  'an array in an array': { a: array(array()) },
  'an array in a map in an array': { a: array(map({ b: array(int(1)) })) },
  '19 maps': { a: nested(19, (v) => map({ a: v })) },
  '20 maps': { a: nested(20, (v) => map({ a: v })) },
  '21 maps': { a: nested(21, (v) => map({ a: v })) },
  '10 arrays of maps': { a: nested(10, (v) => array(map({ a: v }))) },
  '11 arrays of maps': { a: nested(11, (v) => array(map({ a: v }))) },
  'a field name of 1500 bytes': { ['n'.repeat(1500)]: int(1) },
  'a field name of 1501 bytes': { ['n'.repeat(1501)]: int(1) },
  'a text of 1048487 bytes': { a: text('x'.repeat(1048487)) },
  'a text of 1048488 bytes': { a: text('x'.repeat(1048488)) },
  '1 MiB in two fields': { a: text('x'.repeat(500000)), b: text('x'.repeat(548575)) },
  'a document of the greatest size': { a: text('x'.repeat(500000)), b: text('x'.repeat(1048576 - 32 - (16 + 6 + 2) - 500000 - 2 - 1 - 2 - 1)) },
  'a document of one byte more': { a: text('x'.repeat(500000)), b: text('x'.repeat(1048576 - 32 - (16 + 6 + 2) - 500000 - 2 - 1 - 2)) },
};
for (const [what, fields] of Object.entries(refused)) questions[`may write ${what}`] = async (s) => { await s.set('sizes/1', fields); return 'yes'; };

for (const id of ['a b', '\u{1f600}', '.', '..', '__a__', '__a', 'a__', '__a__b', '%', 'x'.repeat(1500), 'x'.repeat(1501), '\x01', 'ü'.repeat(750), '_a', '10']) {
  questions[`may have the id ${inspect(id).slice(0, 20)} ${id.length}`] = async (s) => { await s.set(`ids/${id}`, { a: int(1) }); return (await s.get(`ids/${id}`)).name.slice(s.root.length); };
}

const wanted = {
  equal: where('v', 'EQUAL', int(1)), 'equal text': where('v', 'EQUAL', text('a')), 'equal null': is('v', 'IS_NULL'), 'equal NaN': is('v', 'IS_NAN'),
  'not null': is('v', 'IS_NOT_NULL'), 'not NaN': is('v', 'IS_NOT_NAN'), 'not equal': where('v', 'NOT_EQUAL', int(1)), less: where('v', 'LESS_THAN', int(1)),
  'at most': where('v', 'LESS_THAN_OR_EQUAL', double(1)), greater: where('v', 'GREATER_THAN', int('9007199254740992')),
  'at least': where('v', 'GREATER_THAN_OR_EQUAL', text('a')), 'greater bytes': where('v', 'GREATER_THAN', bytes(1)), 'greater true': where('v', 'GREATER_THAN_OR_EQUAL', no),
  'greater list': where('v', 'GREATER_THAN', array(int(1))), 'less map': where('v', 'LESS_THAN', map({ b: int(0) })), in: where('v', 'IN', array(int(1), text('a'), nothing)),
  'not in': where('v', 'NOT_IN', array(int(1), text('a'))), contains: where('v', 'ARRAY_CONTAINS', int(1)), 'contains any': where('v', 'ARRAY_CONTAINS_ANY', array(int(2), text('x'))),
  'in 30': where('v', 'IN', array(...Array.from({ length: 30 }, (_, i) => int(i)))), 'in 31': where('v', 'IN', array(...Array.from({ length: 31 }, (_, i) => int(i)))),
  'in nothing': where('v', 'IN', array()), or: either(where('v', 'EQUAL', int(1)), where('v', 'EQUAL', text('a'))), and: both(where('v', 'GREATER_THAN', int(0)), where('v', 'LESS_THAN', int(3))),
  'equal list': where('v', 'EQUAL', array(int(1))), 'equal map': where('v', 'EQUAL', map({ a: double(1) })), 'greater NaN': where('v', 'GREATER_THAN', double(NaN)), 'greater time': where('v', 'GREATER_THAN', time(0, 0)),
};
for (const [what, filter] of Object.entries(wanted)) questions[`filter ${what}`] = (s) => s.ids({ from: from('values'), where: filter });

Object.assign(questions, {
  async 'pages by name'(s) {
    const pages = [];
    for (let last, page = ['']; page.length > 0; last = page[page.length - 1]) {
      page = await s.ids({ from: from('values'), orderBy: [order('__name__')], limit: { value: 7 }, startAt: last && { values: [s.reference(last)], before: false } });
      pages.push(page);
    }
    return pages;
  },
  async 'pages by name downwards'(s) {
    const pages = [];
    for (let last, page = ['']; page.length > 0; last = page[page.length - 1]) {
      page = await s.ids({ from: from('values'), orderBy: [order('__name__', 'DESCENDING')], limit: { value: 7 }, startAt: last && { values: [s.reference(last)], before: false } });
      pages.push(page);
    }
    return pages;
  },
  async 'a range of names'(s) {
    const filter = both(where('__name__', 'GREATER_THAN', s.reference('values/l')), where('__name__', 'LESS_THAN_OR_EQUAL', s.reference('values/one')));
    return s.ids({ from: from('values'), where: filter, orderBy: [order('__name__')] });
  },
  'names downwards with an equality': (s) => s.ids({ from: from('values'), where: where('v', 'EQUAL', int(1)), orderBy: [order('__name__', 'DESCENDING')] }),
  'names downwards in a range': (s) => s.ids({ from: from('values'), where: where('__name__', 'LESS_THAN', s.reference('values/one')), orderBy: [order('__name__', 'DESCENDING')] }),
  'equal to null': (s) => s.ids({ from: from('values'), where: where('v', 'EQUAL', nothing) }),
  'equal to NaN': (s) => s.ids({ from: from('values'), where: where('v', 'EQUAL', double(NaN)) }),
  'an equality beside an order': (s) => s.ids({ from: from('values'), where: where('v', 'EQUAL', int(1)), orderBy: [order('w')] }),
  'an equality ordered by itself': (s) => s.ids({ from: from('values'), where: where('v', 'EQUAL', int(1)), orderBy: [order('v')] }),
  'an order against the name': (s) => s.ids({ from: from('values'), orderBy: [order('w'), order('__name__', 'DESCENDING')] }),
  'two ranges': (s) => s.ids({ from: from('values'), where: both(where('v', 'GREATER_THAN', int(0)), where('w', 'GREATER_THAN', int(0))) }),
  'a name in a list': (s) => s.ids({ from: from('values'), where: where('__name__', 'IN', array(s.reference('values/one'), s.reference('values/no'))) }),
  'a cursor within a field': (s) => s.ids({ from: from('values'), orderBy: [order('v')], startAt: { values: [int(1)], before: true }, endAt: { values: [text('a')], before: false } }),
  'a cursor after field and name': (s) => s.ids({ from: from('values'), orderBy: [order('v'), order('__name__')], startAt: { values: [int(1), s.reference('values/one')], before: false }, limit: { value: 3 } }),
  'a cursor after field and name, order implied': (s) => s.ids({ from: from('values'), orderBy: [order('v')], startAt: { values: [int(1), s.reference('values/one')], before: false }, limit: { value: 3 } }),
  'offset and limit': (s) => s.ids({ from: from('values'), orderBy: [order('v')], offset: 3, limit: { value: 2 } }),
  'limit 0': (s) => s.ids({ from: from('values'), limit: { value: 0 } }),
  'a missing collection': async (s) => (await s.stream('RunQuery', { parent: s.root, structuredQuery: { from: from('nowhere') } })).length,
  async 'a selection of names'(s) {
    const rows = await s.stream('RunQuery', { parent: s.root, structuredQuery: { from: from('values'), select: { fields: [{ fieldPath: '__name__' }] }, limit: { value: 1 } } });
    return rows.filter((row) => row.document).map((row) => Object.keys(row.document.fields || {}));
  },
  async aggregations(s) {
    const field = { fieldPath: 'v' };
    const aggregations = [{ alias: 'n', count: {} }, { alias: 'up', count: { upTo: { value: 3 } } }];
    const structuredQuery = { from: from('values'), where: where('v', 'GREATER_THAN', int(0)) };
    const small = { from: from('values'), where: both(where('v', 'GREATER_THAN', int(0)), where('v', 'LESS_THAN', int(5))) };
    const request = (query, list) => s.stream('RunAggregationQuery', { parent: s.root, structuredAggregationQuery: { structuredQuery: query, aggregations: list } });
    const answers = [...await request(structuredQuery, aggregations), ...await request(small, [{ alias: 's', sum: { field } }, { alias: 'a', avg: { field } }])];
    return answers.map((answer) => answer.result.aggregateFields);
  },
  async 'sum of nothing'(s) {
    const field = { fieldPath: 'v' };
    const answer = await s.stream('RunAggregationQuery', { parent: s.root, structuredAggregationQuery: { structuredQuery: { from: from('nowhere') }, aggregations: [{ alias: 's', sum: { field } }, { alias: 'a', avg: { field } }, { alias: 'n', count: {} }] } });
    return answer.map((one) => one.result.aggregateFields);
  },

  // Preconditions and masks
  'update a missing one': (s) => s.set('pre/missing', {}, { currentDocument: { exists: true } }),
  async 'create an existing one'(s) { await s.set('pre/1', { a: int(1) }); return s.set('pre/1', {}, { currentDocument: { exists: false } }); },
  async 'update with a wrong time'(s) { return s.set('pre/1', {}, { currentDocument: { updateTime: { seconds: 1, nanos: 0 } } }); },
  async 'update a missing one with a time'(s) { return s.set('pre/none', {}, { currentDocument: { updateTime: { seconds: 1, nanos: 0 } } }); },
  async 'delete a missing one with a time'(s) { return s.delete('pre/none', { currentDocument: { updateTime: { seconds: 1, nanos: 0 } } }); },
  async 'delete a missing one that must be'(s) { return s.delete('pre/none', { currentDocument: { exists: true } }); },
  async 'delete a missing one'(s) { return Object.keys(await s.delete('pre/none')); },
  async 'delete one that must be missing'(s) { return s.delete('pre/1', { currentDocument: { exists: false } }); },
  async 'update with the right time'(s) {
    const { updateTime, createTime } = await s.get('pre/1');
    await s.set('pre/1', { a: int(2) }, { currentDocument: { updateTime } });
    const after = await s.get('pre/1');
    return [after.fields, isDeepStrictEqual(after.createTime, createTime), isDeepStrictEqual(after.updateTime, updateTime)];
  },
  async 'a write that changes nothing'(s) {
    const before = await s.get('pre/1');
    const { writeResults, commitTime } = await s.set('pre/1', { a: int(2) });
    const after = await s.get('pre/1');
    return [isDeepStrictEqual(before.updateTime, after.updateTime), isDeepStrictEqual(writeResults[0].updateTime, after.updateTime), isDeepStrictEqual(commitTime, after.updateTime)];
  },
  async 'a write that changes 2 to 2.0'(s) {
    const before = await s.get('pre/1');
    await s.set('pre/1', { a: double(2) });
    return isDeepStrictEqual(before.updateTime, (await s.get('pre/1')).updateTime);
  },
  async 'a commit that fails in the middle'(s) {
    const set = (id, more) => ({ update: { name: s.name(`atomic/${id}`), fields: {} }, ...more });
    await s.commit([set('a'), set('b', { currentDocument: { exists: true } }), set('c')]).catch(() => {});
    return s.ids({ from: from('atomic') });
  },
  async 'one document twice in a commit'(s) {
    const set = (fields, more) => ({ update: { name: s.name('twice/a'), fields }, ...more });
    await s.commit([set({ a: int(1) }, { currentDocument: { exists: false } }), set({ b: int(1) }, { currentDocument: { exists: true }, updateMask: { fieldPaths: ['b'] } })]);
    return s.fields('twice/a');
  },
  async 'one document twice in a batch'(s) {
    const set = (v) => ({ update: { name: s.name('twice/b'), fields: { v: int(v) } } });
    return (await s.unary('BatchWrite', { database: s.database, writes: [set(1), set(2)] })).status.map((one) => one.code);
  },
  async 'a batch that fails in part'(s) {
    const set = (id, more) => ({ update: { name: s.name(`batch/${id}`), fields: {} }, ...more });
    const answer = await s.unary('BatchWrite', { database: s.database, writes: [set('a'), set('b', { currentDocument: { exists: true } }), set('c')] });
    return [answer.status.map((one) => one.code), answer.writeResults.length, await s.ids({ from: from('batch') })];
  },
  async 'masks'(s) {
    await s.set('mask/1', { a: map({ b: int(1), c: int(2) }), d: int(3) });
    await s.set('mask/1', { a: map({ b: int(10) }), e: int(5) }, { updateMask: { fieldPaths: ['a.b', 'a.c', 'e', 'f.g', 'd'] } });
    return s.fields('mask/1');
  },
  async 'an empty mask makes an empty document'(s) { await s.set('mask/2', { a: int(1) }, { updateMask: { fieldPaths: [] } }); return (await s.get('mask/2')).fields || {}; },
  async 'a bad path in a mask'(s) { await s.set('mask/3', { a: int(1) }, { updateMask: { fieldPaths: ['a..b'] } }); },
  async 'an unquoted number in a mask'(s) { await s.set('mask/3', { '10': int(1) }, { updateMask: { fieldPaths: ['10'] } }); },
  async transforms(s) {
    const transform = (fieldPath, what) => ({ fieldPath, ...what });
    await s.set('transform/1', { n: int('9223372036854775800'), d: double(0.5), l: array(int(1), int(2)), t: text('x') });
    const updateTransforms = [transform('n', { increment: int(100) }), transform('d', { increment: int(1) }), transform('new', { increment: int(5) }), transform('t', { increment: int(5) }),
      transform('l', { appendMissingElements: { values: [int(2), int(3), double(1)] } }), transform('r', { removeAllFromArray: { values: [int(2)] } }),
      transform('mx', { maximum: int(5) }), transform('mn', { minimum: int(5) })];
    const { writeResults } = await s.set('transform/1', { d: double(0.25) }, { updateTransforms, updateMask: { fieldPaths: ['d'] } });
    return [writeResults[0].transformResults, await s.fields('transform/1')];
  },
  async 'the old transform'(s) {
    const fieldTransforms = [{ fieldPath: 'n', increment: int(2) }];
    const { writeResults } = await s.commit([{ transform: { document: s.name('transform/2'), fieldTransforms } }]);
    return [writeResults[0].transformResults, await s.fields('transform/2')];
  },
  async 'a time of the server'(s) {
    const { commitTime, writeResults } = await s.set('transform/3', {}, { updateTransforms: [{ fieldPath: 'at', setToServerValue: 'REQUEST_TIME' }] });
    const { at } = await s.fields('transform/3');
    return [Number(at.timestampValue.nanos) % 1000, isDeepStrictEqual(writeResults[0].transformResults[0], at), typeof commitTime];
  },

  // Reading
  'a missing document': (s) => s.get('nowhere/1'),
  async 'some that are missing'(s) {
    const rows = await s.stream('BatchGetDocuments', { database: s.database, documents: ['pre/1', 'pre/none', 'pre/1'].map((path) => s.name(path)) });
    return rows.map((row) => (row.found ? row.found.fields : row.missing.slice(s.root.length))).sort((a, b) => inspect(a).localeCompare(inspect(b)));
  },
  async 'a mask when reading'(s) { return (await s.get('mask/1', { mask: { fieldPaths: ['a.b', 'nothing'] } })).fields; },
  async 'pages of documents'(s) {
    const pages = [];
    for (let pageToken; pageToken !== '';) {
      const page = await s.unary('ListDocuments', { parent: s.root, collectionId: 'values', pageSize: 7, pageToken });
      pages.push((page.documents || []).map((document) => document.name.slice(s.root.length)));
      pageToken = page.nextPageToken || '';
    }
    return pages.filter((page) => page.length > 0);
  },
  async 'collections, with one below a missing document'(s) {
    await s.set('deep/none/inner/1', {});
    await s.set('gone/1', {});
    await s.delete('gone/1');
    return (await s.unary('ListCollectionIds', { parent: s.root, pageSize: 100 })).collectionIds.filter((id) => /^[deg]/.test(id));
  },
  async 'collections of a document'(s) { return (await s.unary('ListCollectionIds', { parent: s.name('deep/none') })).collectionIds; },
  async 'missing documents that have collections'(s) {
    const { documents } = await s.unary('ListDocuments', { parent: s.root, collectionId: 'deep', showMissing: true });
    return (documents || []).map((document) => [document.name.slice(s.root.length), Boolean(document.createTime)]);
  },
  async 'all collections of a name'(s) { await s.set('inner/2', {}); return s.ids({ from: [{ collectionId: 'inner', allDescendants: true }] }); },
  async 'the past'(s) {
    const { commitTime } = await s.set('past/1', { a: int(1) });
    await s.set('past/1', { a: int(2) });
    await s.set('past/2', { a: int(2) });
    const rows = await s.stream('RunQuery', { parent: s.root, structuredQuery: { from: from('past') }, readTime: commitTime });
    return [(await s.get('past/1', { readTime: commitTime })).fields, rows.filter((row) => row.document).length];
  },

  // Transactions
  async 'a transaction'(s) {
    const transaction = await s.begin();
    await s.get('pre/1', { transaction });
    await s.commit([{ update: { name: s.name('tx/1'), fields: { a: int(1) } } }], { transaction });
    return s.fields('tx/1');
  },
  async 'a transaction twice'(s) {
    const transaction = await s.begin();
    await s.commit([], { transaction });
    return s.commit([{ delete: s.name('tx/1') }], { transaction });
  },
  'an unknown transaction': (s) => s.commit([], { transaction: Buffer.from('nobody knows') }),
  async 'a rollback'(s) {
    const transaction = await s.begin();
    await s.unary('Rollback', { database: s.database, transaction });
    return s.commit([{ delete: s.name('tx/1') }], { transaction });
  },
  async 'writing in a transaction that reads'(s) {
    const transaction = await s.begin({ readOnly: {} });
    return s.commit([{ delete: s.name('tx/1') }], { transaction });
  },
  async 'a transaction that reads sees one time'(s) {
    await s.set('tx/2', { a: int(1) });
    const transaction = await s.begin({ readOnly: {} });
    await s.get('tx/2', { transaction });
    await s.set('tx/2', { a: int(2) });
    return (await s.get('tx/2', { transaction })).fields;
  },
  async 'twenty increments by four'(s) {
    await s.set('tx/count', { n: int(0) });
    const worker = async () => {
      for (let done = 0; done < 5;) {
        const transaction = await s.begin();
        try {
          const { fields } = await s.get('tx/count', { transaction });
          await s.commit([{ update: { name: s.name('tx/count'), fields: { n: int(Number(fields.n.integerValue) + 1) } } }], { transaction });
          done += 1;
        } catch (error) {
          if (error.code !== 10) throw error;
        }
      }
    };
    await Promise.all([worker(), worker(), worker(), worker()]);
    return s.fields('tx/count');
  },
  async 'a query in a transaction with a new row'(s) {
    const transaction = await s.begin();
    await s.ids({ from: from('phantom') }, { transaction });
    // Where a transaction holds locks, the other one waits for it.
    const other = s.set('phantom/1', {}).then(() => 'written', () => 'refused');
    await new Promise((done) => setTimeout(done, 300));
    const mine = await s.commit([{ update: { name: s.name('phantom/mine'), fields: {} } }], { transaction }).then(() => 'written', (error) => error.code);
    const theirs = await other;
    return mine === 10 || mine === 'written' ? `one after the other: ${theirs}` : mine;
  },
  async listening(s) {
    // Google's emulator takes the database from here, as the client libraries send it.
    const metadata = credentials.clone();
    metadata.set('google-cloud-resource-prefix', s.database);
    const call = s.client.Listen(metadata);
    const seen = [];
    let current;
    let waiting;
    call.on('error', () => {});
    call.on('data', (message) => {
      const { targetChange: change, documentChange: document } = message;
      if (document && (document.targetIds || []).length) seen.push(document.document.name.slice(s.root.length));
      if (change && change.targetChangeType === 'CURRENT') current = true;
      if (current && change && change.targetChangeType === 'NO_CHANGE' && waiting) waiting();
    });
    const settle = () => new Promise((done) => { waiting = done; setTimeout(done, 2000); });
    await s.set('watched/1', { a: int(1) });
    const settled = settle();
    call.write({ database: s.database, addTarget: { targetId: 7, query: { parent: s.root, structuredQuery: { from: from('watched') } } } });
    await settled;
    const again = settle();
    await s.set('watched/2', { a: int(1) });
    await again;
    call.cancel();
    return [...new Set(seen)];
  },
});

// --- Comparing

async function ask(server, question) {
  try {
    return { answer: await question(server) };
  } catch (error) {
    if (error.code === undefined) throw error;
    return { code: error.code, details: error.details };
  }
}

async function main(hosts) {
  const database = `projects/compare-${process.pid}-${Date.now() % 1e6}/databases/(default)`;
  const servers = hosts.map((host) => new Server(host, database));
  let differences = 0;
  for (const [name, question] of Object.entries(questions)) {
    const answers = [];
    for (const server of servers) answers.push(await ask(server, question));
    // The words of an error are no one's promise.
    const [first, ...others] = answers.map(({ answer, code }) => JSON.parse(JSON.stringify({ answer, code }, plain)));
    if (others.every((other) => isDeepStrictEqual(other, first))) continue;
    differences += 1;
    console.log(`${name}:`);
    answers.forEach((answer, i) => console.log(`  ${hosts[i]}  ${inspect(JSON.parse(JSON.stringify(answer, plain)), { depth: 9, breakLength: 200 })}`));
  }
  console.log(`${Object.keys(questions).length} questions, ${differences} answered differently`);
  process.exit(differences > 0 ? 1 : 0);
}

function plain(key, value) {
  if (Object.is(value, -0)) return '-0';
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(2);
});
