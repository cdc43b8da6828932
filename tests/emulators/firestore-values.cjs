// Values, field paths and names of Firestore: their order, their size and what is refused.
//
// A value is the message as it came (`{ integerValue: '1', valueType: 'integerValue' }`), so that
// what is read is what was written: 2^63-1 stays an integer and 1.0 stays a double.
'use strict';

const { compareText } = require('./order.cjs');

const INVALID_ARGUMENT = 3;

function failure(code, details) {
  return Object.assign(new Error(details), { code, details });
}
const invalid = (details) => failure(INVALID_ARGUMENT, details);

// The order of types, which is the first order of values.
// https://firebase.google.com/docs/firestore/manage-data/data-types
const RANKS = {
  nullValue: 0, booleanValue: 1, integerValue: 2, doubleValue: 2, timestampValue: 3, stringValue: 4,
  bytesValue: 5, referenceValue: 6, geoPointValue: 7, arrayValue: 8, mapValue: 9,
};

const rank = (value) => RANKS[value.valueType];
const elements = (value) => value.arrayValue.values || [];
const members = (value) => value.mapValue.fields || {};

// Beyond 15 digits a double may not be the integer; a BigInt compares with a double exactly.
const number = (value) => value.valueType === 'doubleValue' ? value.doubleValue
  : value.integerValue.length < 16 ? Number(value.integerValue) : BigInt(value.integerValue);

function compareNumbers(a, b) {
  const x = number(a), y = number(b);
  if (x < y) return -1;
  if (x > y) return 1;
  return Number(Number.isNaN(y)) - Number(Number.isNaN(x)); // NaN is before all other numbers
}

function compareLists(a, b, compareItems) {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = compareItems(a[i], b[i]);
    if (order) return order;
  }
  return a.length - b.length;
}

/** Segment by segment: the end of a segment is before every other character. */
function comparePaths(a, b) {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    if (a[i] !== b[i]) return a[i] === '/' ? -1 : b[i] === '/' ? 1 : compareText(a.slice(i), b.slice(i));
  }
  return a.length - b.length;
}

function compareMaps(a, b) {
  const entries = (map) => Object.entries(map).sort((x, y) => compareText(x[0], y[0]));
  return compareLists(entries(a), entries(b), (x, y) => compareText(x[0], y[0]) || compare(x[1], y[1]));
}

/** The order of values in queries. An integer and a double of one value are equal. */
function compare(a, b) {
  if (rank(a) !== rank(b)) return rank(a) - rank(b);
  switch (a.valueType) {
    case 'nullValue': return 0;
    case 'booleanValue': return Number(a.booleanValue) - Number(b.booleanValue);
    case 'integerValue': case 'doubleValue': return compareNumbers(a, b);
    case 'timestampValue': return micros(a.timestampValue) - micros(b.timestampValue);
    case 'stringValue': return compareText(a.stringValue, b.stringValue);
    case 'bytesValue': return Buffer.compare(a.bytesValue, b.bytesValue);
    case 'referenceValue': return comparePaths(a.referenceValue, b.referenceValue);
    case 'geoPointValue': {
      const [x, y] = [a.geoPointValue, b.geoPointValue];
      return (x.latitude || 0) - (y.latitude || 0) || (x.longitude || 0) - (y.longitude || 0);
    }
    case 'arrayValue': return compareLists(elements(a), elements(b), compare);
    default: return compareMaps(members(a), members(b));
  }
}

/** Whether nothing changes when `b` is written over `a`: 1 and 1.0, and 0.0 and -0.0, are not the same. */
function same(a, b) {
  if (a.valueType !== b.valueType) return false;
  switch (a.valueType) {
    case 'doubleValue': return Object.is(a.doubleValue, b.doubleValue);
    case 'arrayValue': {
      const [x, y] = [elements(a), elements(b)];
      return x.length === y.length && x.every((item, i) => same(item, y[i]));
    }
    case 'mapValue': return sameFields(members(a), members(b));
    default: return compare(a, b) === 0;
  }
}

function sameFields(a, b) {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length
    && names.every((name) => Object.hasOwn(b, name) && same(a[name], b[name]));
}

// https://firebase.google.com/docs/firestore/storage-size
const textSize = (text) => Buffer.byteLength(text) + 1;
const pathSize = (path) => path.split('/').reduce((sum, segment) => sum + textSize(segment), 16);
const fieldsSize = (fields) =>
  Object.entries(fields).reduce((sum, [name, value]) => sum + textSize(name) + valueSize(value), 0);

function valueSize(value) {
  switch (value.valueType) {
    case 'nullValue': case 'booleanValue': return 1;
    case 'stringValue': return textSize(value.stringValue);
    case 'bytesValue': return value.bytesValue.length + 1;
    case 'referenceValue': return pathSize(value.referenceValue.split('/').slice(5).join('/'));
    case 'geoPointValue': return 16;
    // One byte where there is nothing in it, as in the emulator of Google.
    case 'arrayValue': return elements(value).reduce((sum, item) => sum + valueSize(item), 0) || 1;
    case 'mapValue': return fieldsSize(members(value)) || 1;
    default: return 8;
  }
}

// https://firebase.google.com/docs/firestore/quotas
const DOCUMENT_BYTES_MAX = 1048576;
const FIELD_VALUE_BYTES_MAX = 1048487;
const NAME_BYTES_MAX = 1500;
const DEPTH_MAX = 20;

function checkFieldName(name) {
  if (name === '') throw invalid('The property name is empty.');
  if (/^__.*__$/s.test(name)) throw invalid(`The property name "${name}" is reserved.`);
  if (Buffer.byteLength(name) > NAME_BYTES_MAX) throw invalid('The property name is longer than 1500 bytes.');
}

function checkValue(name, value, depth) {
  if (!value.valueType) throw invalid(`The value of property "${name}" has no type.`);
  const nested = value.arrayValue ? elements(value) : value.mapValue ? Object.values(members(value)) : [];
  if (value.mapValue) Object.keys(members(value)).forEach(checkFieldName);
  if (value.arrayValue && nested.some((item) => item.arrayValue)) {
    throw invalid('Cannot convert an array value in an array value.');
  }
  const inside = value.arrayValue || value.mapValue ? depth + 1 : depth;
  if (inside > DEPTH_MAX) throw invalid(`Property ${name} contains an invalid nested entity.`);
  nested.forEach((item) => checkValue(name, item, inside));
}

/** Refuses a document that Firestore does not keep. */
function checkDocument(path, fields) {
  for (const [name, value] of Object.entries(fields)) {
    checkFieldName(name);
    checkValue(name, value, 0);
    if (valueSize(value) > FIELD_VALUE_BYTES_MAX + 1) {
      throw invalid(`The value of property "${name}" is longer than ${FIELD_VALUE_BYTES_MAX} bytes.`);
    }
  }
  const size = pathSize(path) + fieldsSize(fields) + 32;
  if (size > DOCUMENT_BYTES_MAX) {
    throw invalid(`Document 'projects/…/documents/${path}' cannot be written because its size (${size} bytes)`
      + ` exceeds the maximum allowed size of ${DOCUMENT_BYTES_MAX} bytes.`);
  }
}

/** `projects/p/databases/d/documents/a/b` as the database's name and the path `a/b`. */
function parseName(name, kind) {
  const match = /^(projects\/[^/]+\/databases\/[^/]+)(?:\/documents(?:\/(.*))?)?$/s.exec(name || '');
  if (!match) throw invalid(`The name "${name}" is not that of a ${kind}.`);
  const path = match[2] || '';
  const segments = path === '' ? [] : path.split('/');
  const even = segments.length % 2 === 0;
  if (kind === 'document' ? !even || path === '' : kind === 'parent' && !even) {
    throw invalid(`The name "${name}" is not that of a ${kind}.`);
  }
  segments.forEach(checkSegment);
  return { database: match[1], path };
}

function checkSegment(segment) {
  if (segment === '' || segment === '.' || segment === '..' || /^__.*__$/s.test(segment)
    || Buffer.byteLength(segment) > NAME_BYTES_MAX) {
    throw invalid(`"${segment}" is no id of a document or collection.`);
  }
}

const paths = new Map();

/** `a.b.\`c d\`` as its names. Requests repeat their few paths, so they are kept. */
function parseFieldPath(path) {
  let names = paths.get(path);
  if (!names) {
    const form = /(?:^|\.)(?:([A-Za-z_][A-Za-z_0-9]*)|`((?:[^`\\]|\\.)+)`)(?=\.|$)/gsy;
    names = [];
    let end = 0;
    for (let match = form.exec(path); match; match = form.exec(path)) {
      names.push(match[1] ?? match[2].replace(/\\(.)/gs, '$1'));
      end = form.lastIndex;
    }
    if (names.length === 0 || end !== path.length) throw invalid(`Invalid field path "${path}".`);
    if (paths.size > 10000) paths.clear();
    paths.set(path, names);
  }
  return names;
}

function getField(fields, names) {
  let value;
  for (const name of names) {
    if (!fields || !Object.hasOwn(fields, name)) return undefined;
    value = fields[name];
    fields = value.mapValue && members(value);
  }
  return value;
}

/** Fields with one set, or removed if the value is `undefined`. What was given stays as it was. */
function withField(fields, [name, ...rest], value) {
  const result = { ...fields };
  if (rest.length > 0) {
    const inner = Object.hasOwn(fields, name) && fields[name].mapValue ? members(fields[name]) : undefined;
    if (value === undefined && !inner) return result;
    result[name] = mapOf(withField(inner || {}, rest, value));
  } else if (value === undefined) {
    delete result[name];
  } else {
    result[name] = value;
  }
  return result;
}

/** Only the fields that a mask names; all without a mask. */
function masked(fields, mask) {
  if (!mask) return fields;
  let result = {};
  for (const path of mask.fieldPaths || []) {
    if (path === '__name__') continue;
    const names = parseFieldPath(path);
    const value = getField(fields, names);
    if (value) result = withField(result, names, value);
  }
  return result;
}

/** Times are kept in microseconds. What is given is a message of this request: no one else holds it. */
function truncateTimes(fields) {
  for (const value of Object.values(fields)) {
    if (value.timestampValue) value.timestampValue = timestamp(micros(value.timestampValue));
    else if (value.mapValue) truncateTimes(members(value));
    else if (value.arrayValue) truncateTimes(elements(value));
  }
}

const mapOf = (fields) => ({ mapValue: { fields }, valueType: 'mapValue' });
const integerOf = (value) => ({ integerValue: String(value), valueType: 'integerValue' });
const doubleOf = (value) => ({ doubleValue: value, valueType: 'doubleValue' });
const arrayOf = (values) => ({ arrayValue: { values }, valueType: 'arrayValue' });
const nullValue = { nullValue: 'NULL_VALUE', valueType: 'nullValue' };

// Times are microseconds since 1970, as Firestore keeps them: below 2^53 for 250 years to come.
const micros = (time) => Number(time.seconds || 0) * 1e6 + Math.floor((time.nanos || 0) / 1000);
const timestamp = (time) => ({ seconds: String(Math.floor(time / 1e6)), nanos: (time % 1e6) * 1000 });

module.exports = {
  arrayOf, checkDocument, compare, comparePaths, doubleOf, elements, failure, getField, integerOf,
  invalid, masked, micros, nullValue, number, parseFieldPath, parseName, rank, same, sameFields, timestamp, truncateTimes, withField,
};
