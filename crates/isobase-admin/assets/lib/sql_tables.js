// The tables of the owner's database, and what one of them is like.

import { get } from "./api.js";
import { h, put } from "./dom.js";
import { bytes, count } from "./format.js";
import { Region, badge, button, empty, field, inputOf, panel, table } from "./ui.js";
import { change, values } from "./url.js";

const BASE = "/api/v1/sql";

/** A name in SQL, whatever is in it. */
export function quoted(name) {
  return `"${name.replaceAll("\"", "\"\"")}"`;
}

/** The list, with the table of the address at its side. */
export async function tablesView(signal) {
  const { tables } = await get(`${BASE}/tables`, {}, { signal });
  if (tables.length === 0) return empty("The database has no tables that this role can see.");
  const { schema, table: name } = values();
  const search = field("Search", { type: "search", oninput: () => draw() });
  const list = h("div");
  function draw() {
    const wanted = inputOf(search).value.toLowerCase();
    const found = tables.filter((one) => `${one.schema}.${one.name}`.toLowerCase().includes(wanted));
    put(list, found.length === 0 ? empty("No table is called like that.") : table("Tables", [
      { title: "Name", cell: (one) => one.name },
      { title: "Schema", cell: (one) => one.schema },
      { title: "Kind", cell: (one) => one.kind },
      { title: "Rows, about", cell: (one) => count(one.rows), className: "number" },
      { title: "Size", cell: (one) => bytes(one.bytes), className: "number" },
    ], found, {
      open: (one) => change({ schema: one.schema, table: one.name }),
      isOpen: (one) => one.schema === schema && one.name === name,
      testId: (one) => `sql-table-${one.name}`,
    }));
  }
  draw();
  const side = new Region("div");
  if (name) side.show((asked) => tablePanel(schema, name, asked));
  return h("div.split", {}, h("div", {}, h("div.filters", {}, search), list), side.element);
}

async function tablePanel(schema, name, signal) {
  const found = await get(`${BASE}/table`, { schema, name }, { signal });
  const close = () => change({ schema: null, table: null });
  const lines = (title, texts) => texts.length > 0 && [h("h3", {}, title), h("ul", {}, texts.map((text) => h("li", {}, h("code", {}, text))))];
  return panel(`${found.schema}.${found.name}`, close,
    h("div.actions", {}, button("Show rows", () => change({ view: null, schema: null, table: null, q: `SELECT * FROM ${quoted(found.schema)}.${quoted(found.name)} LIMIT 100` }), { kind: "primary", "data-testid": "sql-select" })),
    h("h3", {}, "Columns"),
    table("Columns", [
      { title: "Name", cell: (column) => [column.name, found.primary_key.includes(column.name) && [" ", badge("key")]] },
      { title: "Type", cell: (column) => column.type || "–" },
      { title: "NULL", cell: (column) => (column.nullable ? "allowed" : "no") },
      { title: "Default", cell: (column) => (column.default === null ? "–" : h("code", {}, column.default)) },
    ], found.columns),
    found.foreign_keys.length > 0 && [h("h3", {}, "Refers to"), h("ul", {}, found.foreign_keys.map((key) => h("li", {},
      `${key.columns.join(", ")} → `,
      h("a", { href: `/admin/sql?${new URLSearchParams({ view: "tables", schema: key.schema, table: key.table })}` }, `${key.table}${key.references.length ? ` (${key.references.join(", ")})` : ""}`))))],
    lines("Constraints", found.constraints),
    lines("Indexes", found.indexes),
    found.definition && [h("h3", {}, "Definition"), h("pre", { tabindex: "0", role: "region", "aria-label": "Definition" }, found.definition)]);
}
