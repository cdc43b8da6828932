// Structured queries of Firestore over the documents of firestore-store.cjs.
'use strict';

const {
  compare, comparePaths, doubleOf, elements, failure, getField, integerOf, invalid, nullValue, number,
  parseFieldPath, parseName, rank,
} = require('./firestore-values.cjs');
const { compareText, place } = require('./order.cjs');

const FAILED_PRECONDITION = 9, UNIMPLEMENTED = 12;
const NAME = '__name__';
// https://firebase.google.com/docs/firestore/query-data/queries
const DISJUNCTIONS_MAX = 30;
const INEQUALITIES = new Set(['LESS_THAN', 'LESS_THAN_OR_EQUAL', 'GREATER_THAN', 'GREATER_THAN_OR_EQUAL', 'NOT_EQUAL', 'NOT_IN']);

/** A query that is checked once and may be run at any time; each row is `{ path, state }`. */
function prepare(database, parentName, query) {
  if (query.findNearest) throw failure(UNIMPLEMENTED, 'findNearest is not supported.');
  const parent = parseName(parentName, 'parent').path;
  const from = (query.from || [])[0] || { allDescendants: true };
  if ((query.from || []).length > 1) throw invalid('A query has one collection.');
  const plan = {
    database,
    collections: () => database.collectionsBelow(parent, from.collectionId, from.allDescendants),
    filters: conjunction(query.where),
    accepts: predicate(query.where),
    offset: query.offset || 0,
    limit: query.limit ? Number(query.limit.value || 0) : Infinity,
  };
  if (plan.offset < 0 || plan.limit < 0) throw invalid('Offset and limit must not be negative.');
  const orderBy = query.orderBy || [];
  plan.order = fullOrder(orderBy, inequalityFields(query.where));
  checkDisjunctions(query.where);
  checkIndex(plan, from);
  plan.start = cursor(query.startAt, plan.order, orderBy.length);
  plan.end = cursor(query.endAt, plan.order, orderBy.length);
  return (time) => run(plan, time);
}

function run(plan, time) {
  const { database, offset, limit, order } = plan;
  const collections = plan.collections();
  const first = order[0];
  let rows;
  if (collections.length === 1 && first.path === NAME) {
    // In the order of names nothing is sorted, and what cannot be in the page is not looked at.
    rows = byName(plan, collections[0], time, offset + limit);
  } else {
    rows = [];
    const byKeys = (a, b) => compareRows(order, a.keys, b.keys);
    const wanted = offset + limit;
    let last;
    for (const collection of collections) {
      for (const id of database.collections.get(collection)) {
        const row = rowOf(plan, `${collection}/${id}`, time);
        if (!row || (last && byKeys(row, last) >= 0)) continue;
        rows.push(row);
        if (rows.length >= 2 * wanted + 100) {
          // What cannot be in the page any more is not kept.
          rows.sort(byKeys);
          rows.length = wanted;
          last = rows[wanted - 1];
        }
      }
    }
    rows.sort(byKeys);
  }
  return rows.slice(offset, offset + limit);
}

function byName(plan, collection, time, wanted) {
  const ids = plan.database.collections.get(collection);
  const descending = plan.order[0].sign < 0;
  let [low, high] = [0, ids.length];
  const narrow = (name, from) => {
    const path = nameToPath(name);
    if (!path.startsWith(`${collection}/`)) return;
    const at = place(ids, path.slice(collection.length + 1));
    if (from) low = Math.max(low, at);
    else high = Math.min(high, at + 1);
  };
  for (const { op, path, value } of plan.filters) {
    if (path !== NAME || !value.referenceValue) continue;
    if (op.startsWith('GREATER') || op === 'EQUAL') narrow(value.referenceValue, true);
    if (op.startsWith('LESS') || op === 'EQUAL') narrow(value.referenceValue, false);
  }
  if (plan.start && plan.start.values.length > 0) narrow(plan.start.values[0].referenceValue, !descending);
  if (plan.end && plan.end.values.length > 0) narrow(plan.end.values[0].referenceValue, descending);
  const rows = [];
  for (let i = low; i < high && rows.length < wanted; i++) {
    const id = ids[descending ? low + high - 1 - i : i];
    const row = rowOf(plan, `${collection}/${id}`, time);
    if (row) rows.push(row);
  }
  return rows;
}

/** A row, if the document is there at that time, has every field of the order, and is between the cursors. */
function rowOf(plan, path, time) {
  const state = plan.database.get(path, time);
  if (!state || !plan.accepts(state.fields, path)) return undefined;
  const keys = [];
  for (const { path: field, names } of plan.order) {
    const key = field === NAME ? path : getField(state.fields, names);
    if (key === undefined) return undefined;
    keys.push(key);
  }
  const { start, end } = plan;
  if (start) {
    const order = compareRows(plan.order, keys, start.keys);
    if (order < 0 || (order === 0 && !start.before)) return undefined;
  }
  if (end) {
    const order = compareRows(plan.order, keys, end.keys);
    if (order > 0 || (order === 0 && end.before)) return undefined;
  }
  return { path, state, keys };
}

function compareRows(order, a, b) {
  // A cursor may have fewer keys.
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const one = order[i].path === NAME ? comparePaths(a[i], b[i]) : compare(a[i], b[i]);
    if (one) return one * order[i].sign;
  }
  return 0;
}

/** What was asked for, then the fields of inequalities, then the name, in the last direction. */
function fullOrder(orderBy, inequalities) {
  const order = orderBy.map(({ field, direction }) => ({ path: field.fieldPath, sign: direction === 'DESCENDING' ? -1 : 1 }));
  const sign = order.length > 0 ? order[order.length - 1].sign : 1;
  for (const path of [...inequalities, NAME]) {
    if (!order.some((one) => one.path === path)) order.push({ path, sign });
  }
  // After the name nothing is left to order.
  order.length = order.findIndex((one) => one.path === NAME) + 1;
  return order.map((one) => ({ ...one, names: one.path === NAME ? [] : parseFieldPath(one.path) }));
}

function cursor(given, order, lengthMax) {
  if (!given) return undefined;
  const values = given.values || [];
  if (values.length > lengthMax) throw invalid('Cursor has too many values.');
  const keys = values.map((value, i) => {
    if (order[i].path !== NAME) return value;
    if (!value.referenceValue) throw invalid('The cursor of __name__ must be a reference.');
    return nameToPath(value.referenceValue);
  });
  return { values, keys, before: Boolean(given.before) };
}

const nameToPath = (name) => parseName(name, 'document').path;

// --- Filters

function* leaves(filter) {
  if (!filter) return;
  if (filter.compositeFilter) for (const inner of filter.compositeFilter.filters || []) yield* leaves(inner);
  else yield filter;
}

const pathOf = (leaf) => (leaf.fieldFilter || leaf.unaryFilter).field.fieldPath;

/** The filters that hold for every row: those under no OR. */
function conjunction(filter) {
  if (!filter) return [];
  if (filter.fieldFilter) return [{ op: filter.fieldFilter.op, path: pathOf(filter), value: filter.fieldFilter.value }];
  const { op, filters } = filter.compositeFilter || {};
  return op === 'AND' ? (filters || []).flatMap(conjunction) : [];
}

function inequalityFields(filter) {
  const fields = new Set();
  for (const leaf of leaves(filter)) {
    const unary = leaf.unaryFilter && leaf.unaryFilter.op.startsWith('IS_NOT');
    if (unary || (leaf.fieldFilter && INEQUALITIES.has(leaf.fieldFilter.op))) fields.add(pathOf(leaf));
  }
  return [...fields].sort(compareText);
}

function predicate(filter) {
  if (!filter) return () => true;
  if (filter.compositeFilter) {
    const inner = (filter.compositeFilter.filters || []).map(predicate);
    return filter.compositeFilter.op === 'OR'
      ? (fields, path) => inner.some((one) => one(fields, path))
      : (fields, path) => inner.every((one) => one(fields, path));
  }
  const path = pathOf(filter);
  const names = path === NAME ? [] : parseFieldPath(path);
  const test = filter.unaryFilter ? unaryTest(filter.unaryFilter.op) : fieldTest(filter.fieldFilter, path);
  return (fields, documentPath) => {
    const value = path === NAME ? { referenceValue: documentPath, valueType: 'referenceValue' } : getField(fields, names);
    return value !== undefined && test(value);
  };
}

const isNan = (value) => value.valueType === 'doubleValue' && Number.isNaN(value.doubleValue);

function unaryTest(op) {
  switch (op) {
    case 'IS_NULL': return (value) => value.valueType === 'nullValue';
    case 'IS_NOT_NULL': return (value) => value.valueType !== 'nullValue';
    case 'IS_NAN': return isNan;
    case 'IS_NOT_NAN': return (value) => value.valueType !== 'nullValue' && !isNan(value);
    default: throw invalid('The unary filter has no operator.');
  }
}

function fieldTest({ op, value: given }, path) {
  const value = path === NAME ? localName(given) : given;
  const equal = (a) => (b) => rank(a) === rank(b) && compare(a, b) === 0;
  // A range holds values of one type, and no NaN.
  const range = (test) => (a) => rank(a) === rank(value) && !isNan(a) && !isNan(value) && test(compare(a, value));
  switch (op) {
    // A null or NaN is found by a unary filter only.
    case 'EQUAL': return value.valueType === 'nullValue' || isNan(value) ? () => false : equal(value);
    case 'NOT_EQUAL': return (a) => a.valueType !== 'nullValue' && !equal(a)(value);
    case 'LESS_THAN': return range((order) => order < 0);
    case 'LESS_THAN_OR_EQUAL': return range((order) => order <= 0);
    case 'GREATER_THAN': return range((order) => order > 0);
    case 'GREATER_THAN_OR_EQUAL': return range((order) => order >= 0);
    case 'ARRAY_CONTAINS': return (a) => a.valueType === 'arrayValue' && elements(a).some(equal(value));
    case 'ARRAY_CONTAINS_ANY':
      return (a) => a.valueType === 'arrayValue' && elements(a).some((item) => elements(value).some(equal(item)));
    case 'IN': return (a) => a.valueType !== 'nullValue' && elements(value).some(equal(a));
    case 'NOT_IN': return (a) => a.valueType !== 'nullValue' && !elements(value).some(equal(a));
    default: throw invalid('The filter has no operator.');
  }
}

/** Names are compared below the database. */
function localName(value) {
  if (value.arrayValue) return { arrayValue: { values: elements(value).map(localName) }, valueType: 'arrayValue' };
  if (!value.referenceValue) throw invalid('A filter on __name__ must have a reference.');
  return { referenceValue: nameToPath(value.referenceValue), valueType: 'referenceValue' };
}

function checkDisjunctions(filter) {
  const count = (one) => {
    if (one.compositeFilter) {
      const counts = (one.compositeFilter.filters || []).map(count);
      return one.compositeFilter.op === 'OR' ? counts.reduce((a, b) => a + b, 0) : counts.reduce((a, b) => a * b, 1);
    }
    const { op, value } = one.fieldFilter || {};
    if (op !== 'IN' && op !== 'ARRAY_CONTAINS_ANY' && op !== 'NOT_IN') return 1;
    if (!value.arrayValue || elements(value).length === 0) throw invalid(`'${op}' requires a non-empty ArrayValue.`);
    return elements(value).length;
  };
  if (filter && count(filter) > DISJUNCTIONS_MAX) {
    throw invalid(`The query has more than ${DISJUNCTIONS_MAX} disjunctions.`);
  }
}

/**
 * Firestore has an index of each field by itself, and any number of equalities may meet. An order or a range beside
 * another field needs an index that somebody made; no one did.
 */
function checkIndex(plan, from) {
  const equal = new Set(plan.filters.map((filter) => filter.path).filter((path) => path !== NAME));
  if (plan.order[0].path === NAME && plan.order[0].sign < 0 && equal.size === 0) {
    throw failure(FAILED_PRECONDITION, 'Firestore does not support descending key scans');
  }
  const ordered = plan.order.filter((one) => one.path !== NAME);
  const mixed = ordered.length === 1 && ordered[0].sign !== plan.order[plan.order.length - 1].sign;
  const beside = ordered.length === 1 && [...equal].some((path) => path !== ordered[0].path);
  if (ordered.length > 1 || mixed || beside || (from.allDescendants && from.collectionId && ordered.length > 0)) {
    throw failure(FAILED_PRECONDITION, 'The query requires an index.');
  }
}

// --- Aggregations

function aggregate(aggregations, rows) {
  const fields = {};
  aggregations.forEach((aggregation, i) => {
    fields[aggregation.alias || `field_${i + 1}`] = aggregated(aggregation, rows);
  });
  return fields;
}

function aggregated({ count, sum, avg }, rows) {
  if (count) return integerOf(Math.min(rows.length, count.upTo ? Number(count.upTo.value) : Infinity));
  if (!sum && !avg) throw invalid('An aggregation must have an operator.');
  const names = parseFieldPath((sum || avg).field.fieldPath);
  const values = rows.map((row) => getField(row.state.fields, names)).filter((value) => value && rank(value) === 2);
  const total = values.reduce((all, value) => all + Number(number(value)), 0);
  if (avg) return values.length === 0 ? nullValue : doubleOf(total / values.length);
  const integers = values.every((value) => value.valueType === 'integerValue');
  return integers ? integerOf(values.reduce((all, value) => all + BigInt(value.integerValue), 0n)) : doubleOf(total);
}

module.exports = { aggregate, prepare };
