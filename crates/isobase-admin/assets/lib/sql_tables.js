// The tables of the owner's database, and what one of them holds and is like.

import { get } from "./api.js";
import { h, put } from "./dom.js";
import { bytes, count } from "./format.js";
import { tableRows } from "./sql_rows.js";
import { changeSchema, schemaButton } from "./sql_schema.js";
import { badge, button, empty, field, inputOf, once, table, tabs } from "./ui.js";
import { change, values } from "./url.js";

const BASE = "/api/v1/sql";
const OF_TABLE = ["schema", "table", "part", "where", "order", "down", "offset", "after"];

/** The list, or the table of the address. */
export function tablesView(signal, again, shown) {
  const { schema = "", table: name, part } = values();
  // What was shown of another table, or of another part, is not taken for this one until it is there.
  const now = name ? JSON.stringify([schema, name, part]) : null;
  if (now !== last) shown.set();
  last = now;
  return name ? tableView(schema, name, again, shown) : listView(signal, again);
}

/** The table and its part that were shown last. */
let last = null;

async function listView(signal, again) {
  const { tables } = await get(`${BASE}/tables`, {}, { signal });
  const search = field("Search", { type: "search", oninput: () => draw() });
  const list = h("div");
  const schemas = [...new Set(tables.map(({ schema }) => schema))];
  function draw() {
    const wanted = inputOf(search).value.toLowerCase();
    const found = tables.filter((one) => `${one.schema}.${one.name}`.toLowerCase().includes(wanted));
    put(list, found.length === 0 ? empty(tables.length === 0 ? "The database has no tables that this role can see." : "No table is called like that.") : table("Tables", [
      { title: "Name", cell: (one) => one.name },
      { title: "Schema", cell: (one) => one.schema },
      { title: "Kind", cell: (one) => one.kind },
      { title: "Rows, about", cell: (one) => count(one.rows), className: "number" },
      { title: "Size", cell: (one) => bytes(one.bytes), className: "number" },
    ], found, {
      open: (one) => change({ schema: one.schema, table: one.name }),
      testId: (one) => `sql-table-${one.name}`,
    }));
  }
  draw();
  const inSchema = schemas.includes("public") ? "public" : schemas[0] ?? "main";
  return [h("div.filters", {}, search, button("New table", once(() => changeSchema("New table", { schema: inSchema, table: null, kind: "create_table" }, again)), { "data-testid": "sql-new-table" })), list];
}

const PARTS = [["", "Rows"], ["columns", "Columns"], ["indexes", "Indexes"], ["keys", "Keys and checks"], ["triggers", "Triggers"], ["definition", "Definition"]];

function tableView(schema, name, again, region) {
  const draw = () => {
    const part = PARTS.some(([known]) => known === values().part) ? values().part : "";
    region.show((asked) => (part === "" ? tableRows(schema, name, asked) : described(schema, name, part, asked, again)));
    return tabs(PARTS.map(([known, title]) => [known || "rows", title, () => region.element]), {
      now: part || "rows", label: "Parts of the table", choose: (chosen) => change({ part: chosen === "rows" ? null : chosen }, { reset: ["where", "order", "down", "offset", "after"] }),
    });
  };
  return [
    h("div.filters", {}, h("h2", { "data-testid": "sql-table-name" }, `${schema}.${name}`),
      button("All tables", () => change({}, { reset: OF_TABLE }), { "data-testid": "sql-all-tables" }),
      schemaButton("Rename…", `Rename ${name}`, { schema, table: name, kind: "rename_table", of: name }, () => change({}, { reset: OF_TABLE })),
      schemaButton("Drop…", `Drop ${name}`, { schema, table: name, kind: "drop_table", change: {} }, () => change({}, { reset: OF_TABLE }), { kind: "danger", "data-testid": "sql-drop-table" })),
    draw(),
  ];
}

async function described(schema, name, part, signal, again) {
  const found = await get(`${BASE}/table`, { schema, name }, { signal });
  const of = (text, title, wanted, properties) => schemaButton(text, title, { schema, table: name, ...wanted }, again, properties);
  if (part === "columns") return columnsPart(found, of);
  if (part === "indexes") {
    const wanted = { kind: "create_index", with: { columns: found.columns.map((column) => column.name) } };
    return [h("div.actions", {}, of("New index", "New index", wanted, { "data-testid": "sql-new-index" })), found.indexes.length === 0 ? empty("It has no indexes beside those of its keys.") : table("Indexes", [
      { title: "Name", cell: (index) => index.name },
      { title: "Definition", cell: (index) => h("code", {}, index.definition) },
      { title: "Change", cell: (index) => of("Drop…", `Drop ${index.name}`, { kind: "drop_index", change: { index: index.name } }, { kind: "danger", "aria-label": `Drop ${index.name}` }) },
    ], found.indexes)];
  }
  if (part === "keys") return keysPart(found, of);
  if (part === "triggers") return triggersPart(found);
  return found.definition ? h("pre", { tabindex: "0", role: "region", "aria-label": "Definition" }, found.definition) : empty("Only SQLite keeps the text that made a table.");
}

/** Constraints of either kind, with the forms that make them and take them away. */
function keysPart(found, of) {
  const to = (key) => h("a", { href: `/admin/sql?${new URLSearchParams({ view: "tables", schema: key.schema, table: key.table })}` }, `${key.table}${key.references.length ? ` (${key.references.join(", ")})` : ""}`);
  const lines = [
    ...found.foreign_keys.map((key) => ({ name: key.name, says: [`${key.columns.join(", ")} → `, to(key)] })),
    ...found.constraints.map(({ name, definition }) => ({ name, says: h("code", {}, definition) })),
  ];
  const columns = found.columns.map((column) => column.name);
  const add = (text, kind, title) => of(text, title, { kind, with: { columns } }, { "data-testid": `sql-add-${kind}` });
  return [
    h("div.actions", {}, add("New check", "check", "New check"), add("New unique", "unique", "Unique columns"), add("New foreign key", "foreign_key", "New foreign key"),
      found.primary_key.length === 0 && add("Primary key", "primary_key", "Primary key")),
    lines.length === 0 ? empty("It has no keys and no checks.") : table("Keys and checks", [
      { title: "Name", cell: ({ name }) => name || "–" },
      { title: "Definition", cell: ({ says }) => says },
      { title: "Change", cell: ({ name }) => name && of("Drop…", `Drop ${name}`, { kind: "drop_constraint", change: { constraint: name } }, { kind: "danger", "aria-label": `Drop ${name}` }) },
    ], lines),
  ];
}

function triggersPart({ triggers }) {
  const text = (label, sql) => h("pre", { tabindex: "0", role: "region", "aria-label": label }, sql);
  return triggers.length === 0 ? empty("Nothing runs when its rows change.") : triggers.map((one) => h("section", { "data-testid": `sql-trigger-${one.name}` },
    h("h3", {}, one.name, " ", one.enabled ? badge("on", "good") : badge("off", "warn")),
    text(`Trigger ${one.name}`, one.definition),
    one.function && h("details", {}, h("summary", {}, "The function that it runs"), text(`Function of ${one.name}`, one.function))));
}

function columnsPart(found, of) {
  const menu = (column) => h("div.actions", {},
    of("Rename…", `Rename ${column.name}`, { kind: "rename_column", of: column.name }, { "aria-label": `Rename ${column.name}` }),
    of("Type…", `Type of ${column.name}`, { kind: "change_type", of: column.name, with: column }, { "aria-label": `Type of ${column.name}` }),
    of("Default…", `Default of ${column.name}`, { kind: "change_default", of: column.name, with: column }, { "aria-label": `Default of ${column.name}` }),
    of(column.nullable ? "Not NULL…" : "NULL…", `NULL in ${column.name}`, { kind: "change_null", change: { column: column.name, nullable: !column.nullable } }, { "aria-label": `${column.nullable ? "Not NULL" : "NULL"} in ${column.name}` }),
    of("Drop…", `Drop ${column.name}`, { kind: "drop_column", change: { column: column.name } }, { kind: "danger", "aria-label": `Drop ${column.name}`, "data-testid": `sql-drop-${column.name}` }));
  return [
    h("div.actions", {}, of("New column", "New column", { kind: "add_column" }, { "data-testid": "sql-new-column" })),
    table("Columns", [
      { title: "Name", cell: (column) => [column.name, found.primary_key.includes(column.name) && [" ", badge("key")]] },
      { title: "Type", cell: (column) => column.type || "–" },
      { title: "NULL", cell: (column) => (column.nullable ? "allowed" : "no") },
      { title: "Default", cell: (column) => (column.default === null ? "–" : h("code", {}, column.default)) },
      { title: "Change", cell: menu },
    ], found.columns),
  ];
}
