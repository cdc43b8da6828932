// What can complete a word of SQL: keywords, tables, and columns of the tables that the statement names.

import { get } from "./api.js";
import { KEYWORDS, statementsOf, tablesOf, written } from "./sql_text.js";

const BASE = "/api/v1/sql";
/** How long the tables are known; another one may be made. */
const KNOWN_MS = 30_000;
/** Tables of one statement whose columns are asked for. */
const TABLES_MAX = 8;

let [known, since] = [null, 0];
const columns = new Map();

/** The tables of the database. */
async function tables() {
  if (!known || Date.now() - since > KNOWN_MS) {
    since = Date.now();
    columns.clear();
    known = get(`${BASE}/tables`).then((answer) => answer.tables);
    known.catch(() => { known = null; });
  }
  return known;
}

function columnsOf({ schema, name }) {
  const key = JSON.stringify([schema, name]);
  if (!columns.has(key)) columns.set(key, get(`${BASE}/table`, { schema, name }).then((table) => table.columns).catch(() => []));
  return columns.get(key);
}

const same = (a, b) => a.toLowerCase() === b.toLowerCase();

/** @returns {Promise<{text: string, kind: string}[]>} */
export async function completions(text, { from, qualifier }) {
  const statement = statementsOf(text).find((one) => one.from <= from && from <= one.to + 1)?.text ?? "";
  const all = await tables();
  const named = tablesOf(statement).slice(0, TABLES_MAX).flatMap((wanted) => {
    const table = all.find((one) => same(one.name, wanted.name) && (!wanted.schema || same(one.schema, wanted.schema)));
    return table ? [{ ...wanted, table }] : [];
  });
  const listed = async (some) => (await Promise.all(some.map(async ({ table }) => (await columnsOf(table)).map((column) => ({
    text: written(column.name), kind: column.type || `column of ${table.name}`,
  }))))).flat();
  if (qualifier !== null) {
    const meant = named.filter(({ alias, table }) => same(alias ?? table.name, qualifier));
    const inside = all.filter(({ schema }) => same(schema, qualifier));
    return meant.length > 0 ? listed(meant) : inside.map(({ name, kind }) => ({ text: written(name), kind }));
  }
  const unique = new Map([...await listed(named), ...all.map(({ name, kind }) => ({ text: written(name), kind })),
    ...named.flatMap(({ alias }) => (alias ? [{ text: written(alias), kind: "alias" }] : [])),
    ...KEYWORDS.map((word) => ({ text: word, kind: "keyword" }))].map((one) => [one.text, one]));
  return [...unique.values()];
}
