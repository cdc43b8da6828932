// Documents of any collection: find, read, change, bring in, take out.

import { ask, get, path } from "../lib/api.js";
import { beside } from "../lib/cell.js";
import { chosen, columnsButton } from "../lib/columns.js";
import { debounced, h, put } from "../lib/dom.js";
import { cellText, count, counted, timeOf } from "../lib/format.js";
import { may } from "../lib/may.js";
import { Region, button, buttonFor, dialog, download, empty, field, inputOf, once, table, toast } from "../lib/ui.js";
import { change, go, values } from "../lib/url.js";
import { viewsButton } from "../lib/views.js";
import { editableCell, waitingBar } from "./cells.js";
import { comparison, create, documentPanel, recordPath } from "./document.js";
import { buildFilter, fieldName } from "./filter.js";

export const PARAMETERS = ["filter", "sort", "cursor", "id", "compare", "tab", "columns"];

const PAGE = 50;
/** Columns that are shown unless others are chosen. */
const COLUMNS_MAX = 8;
/** Collections that are listed at once; a few letters find the others. */
const LISTED = 100;
/** Documents of one request of an export, and most of one file. */
const [EXPORT_PAGE, EXPORT_MAX] = [1_000, 200_000];

export function open({ overview }) {
  const list = new Region("nav");
  list.element.setAttribute("aria-label", "Collections");
  const page = new Region("section");
  const side = new Region("div");
  const bar = h("div");
  const element = h("div.split.with-list", {}, list.element, h("div", {}, bar, page.element), side.element);
  let known = null;
  let rows = [];
  const selected = new Map();
  let drawn = null;
  const update = () => {
    const collection = collectionOf();
    if (drawn !== collection) selected.clear();
    drawn = collection;
    list.show(async (signal) => {
      known ??= await get("/collections", {}, { signal });
      return choose(known.collections, collection, overview()?.data?.documents ?? {}, () => { known = null; update(); });
    });
    drawBar();
    if (!collection) {
      page.set(h("p.muted", {}, "Choose a collection, or make one by its first document."));
      side.set();
      return;
    }
    page.show(async (signal) => listing(collection, await read(collection, signal), { selected, update, changed, signal }));
    const { id, compare } = values();
    if (id === undefined) side.set();
    else if (compare !== undefined) side.show((signal) => comparison(collection, [id, compare], signal));
    else side.show((signal) => documentPanel(collection, id, signal, update));
  };
  const read = async (collection, signal) => {
    const answer = await load(collection, signal);
    rows = answer.items;
    return answer;
  };
  const drawBar = () => {
    const collection = collectionOf();
    put(bar, collection && waitingBar(collection, changed), selected.size > 0 && selectionBar(collection, selected, update));
  };
  /** Something waits, or was saved; what was saved is read again. */
  const changed = (saved = false) => {
    drawBar();
    if (saved) update();
    else page.set(listing(collectionOf(), { ...changed.answer, items: rows }, { selected, update, changed }));
  };
  changed.selection = drawBar;
  return { element, update, close: () => [list, page, side].forEach((region) => region.stop()) };
}

function collectionOf() {
  const name = location.pathname.split("/")[3];
  try {
    return name && decodeURIComponent(name);
  } catch {
    return name;
  }
}

function address(collection) {
  return `/admin/data/${encodeURIComponent(collection)}`;
}

function choose(collections, current, documents, again) {
  const names = current && !collections.includes(current) ? [current, ...collections] : collections;
  const links = h("ul.plain");
  const draw = (typed = "") => {
    const found = names.filter((name) => name.toLowerCase().includes(typed));
    put(links, found.slice(0, LISTED).map((name) => h("li", {}, h("a", { href: address(name), "aria-current": name === current ? "page" : null }, name), documents[name] !== undefined && h("small.muted", { title: "Documents when the site was opened" }, count(documents[name])))),
      found.length > LISTED && h("li.muted", {}, `and ${count(found.length - LISTED)} more`),
      found.length === 0 && h("li.muted", {}, "none"));
  };
  draw();
  const all = h("details", { open: !matchMedia("(max-width: 720px)").matches || !current }, h("summary", {}, counted(names.length, "collection")),
    names.length > 8 && field("Find", { oninput: (event) => draw(event.target.value.trim().toLowerCase()) }), links);
  return [all, h("div.actions", {}, buttonFor("write", "New collection", once(() => newCollection(again))))];
}

async function newCollection(again) {
  const name = await dialog("New collection", (close) => {
    const box = field("Name", { required: true, autocomplete: "off" }, "It exists with its first document.");
    return h("form", { onsubmit: (event) => { event.preventDefault(); close(inputOf(box).value.trim()); } },
      box, h("div.actions", {}, button("Cancel", () => close("")), h("button.primary", { type: "submit" }, "Go on")));
  });
  if (!name) return;
  go(address(name));
  await create(name, "{}", again);
}

/** The filter as the API has it: `status=open&age[gte]=18`. */
function filterOf(text) {
  return [...new URLSearchParams(text)];
}

function load(collection, signal) {
  const { filter = "", sort = "", cursor = "" } = values();
  const search = new URLSearchParams([...filterOf(filter), ["limit", PAGE], ["meta", "true"]]);
  if (sort) search.set("sort", sort);
  if (cursor) search.set("cursor", cursor);
  return get(`/records${path(collection)}?${search}`, {}, { signal });
}

/** How many documents a filter chooses, told when it is known: a page does not wait for a count, nor fail with it. */
function totalOf(collection, filter, signal) {
  const told = h("span.muted", { "data-testid": "doc-total" });
  const search = new URLSearchParams([...filterOf(filter), ["limit", 1], ["count", "exact"]]);
  get(`/records${path(collection)}?${search}`, {}, { signal, quiet: true })
    .then(({ total }) => put(told, counted(total, "document")))
    .catch(({ name }) => { if (name !== "AbortError") put(told, "more documents than are counted"); });
  return told;
}

function listing(collection, answer, { selected, update, changed, signal }) {
  const { filter = "", sort = "", cursor = "", id } = values();
  changed.answer = answer;
  const rows = answer.items;
  const names = fieldsOf(rows);
  const columns = [
    { title: "id", cell: (row) => cellText(row.id, 40), sort: "id" },
    ...names.map((name, at) => ({
      title: name,
      key: name,
      hidden: at >= COLUMNS_MAX,
      cell: (row) => editableCell(collection, row, name, changed),
      sort: fieldName(name),
    })),
    { title: "changed", key: "_changed", cell: (row) => timeOf(row._meta?.updatedAt) },
  ];
  const reset = ["cursor", "id"];
  return [
    tools(collection, names, columns, update),
    rows.length
      ? table(`Documents of ${collection}`, chosen(columns), rows, {
        open: (row) => change({ id: JSON.stringify(row.id), compare: null }),
        onkey: may("write") ? beside : null,
        isOpen: (row) => JSON.stringify(row.id) === id,
        testId: (row) => `doc-row-${row.id}`,
        sort,
        onsort: (next) => change({ sort: next }, { reset }),
        select: {
          has: (row) => selected.has(JSON.stringify(row.id)),
          change: (row, on) => {
            if (on) selected.set(JSON.stringify(row.id), row);
            else selected.delete(JSON.stringify(row.id));
            changed.selection();
          },
          name: (row) => String(row.id),
        },
      })
      : filter
        ? empty("No document matches.", button("Clear filters", () => change({}, { reset: ["filter", ...reset] })))
        : empty("No documents are here yet.", buttonFor("write", "New document", once(() => create(collection, "{}", update)))),
    h("div.actions", {},
      !cursor && rows.length > 0 && totalOf(collection, filter, signal),
      cursor && button("First page", () => change({}, { reset })),
      answer.next && button("Older", () => change({ cursor: answer.next }, { reset: ["id"] }))),
  ];
}

function tools(collection, names, columns, update) {
  const { filter = "", sort = "" } = values();
  const reset = ["cursor", "id"];
  return h("div.filters", {},
    field("Filter", {
      type: "search",
      value: filter,
      placeholder: "status=open&age[gte]=18",
      oninput: debounced(400, (event) => change({ filter: event.target.value }, { reset, replace: true })),
    }, "As in the API: name=value, name[gte]=18, name[like]=a%; joined by &."),
    button("Build…", once(async () => {
      const text = await buildFilter(filter, ["id", ...names]);
      if (text !== null) change({ filter: text }, { reset });
    }), { "data-testid": "filter-build" }),
    columnsButton(columns), viewsButton(),
    buttonFor("write", "New document", once(() => create(collection, "{}", update)), { kind: "primary" }),
    buttonFor("write", "Import", once(async () => (await import("./import.js")).bringIn(collection, update))),
    button("Export…", once(() => takeOut(collection, () => everyOf(collection, filter, sort)))));
}

/** The members of the documents of a page, the most frequent first. */
function fieldsOf(rows) {
  const seen = new Map();
  for (const row of rows) {
    for (const name of Object.keys(row)) {
      if (name !== "id" && name !== "_meta") seen.set(name, (seen.get(name) ?? 0) + 1);
    }
  }
  return [...seen].sort(([, a], [, b]) => b - a).map(([name]) => name);
}

function selectionBar(collection, selected, again) {
  const rows = [...selected.values()];
  const strip = ({ _meta, ...row }) => row;
  return h("div.filters", { "data-testid": "bulk-bar", role: "group", "aria-label": "For the selected documents" },
    h("strong", {}, `${count(selected.size)} selected`),
    button("Export…", once(() => takeOut(collection, async () => rows.map(strip)))),
    rows.length === 2 && button("Compare", () => change({ id: JSON.stringify(rows[0].id), compare: JSON.stringify(rows[1].id) }), { "data-testid": "doc-compare" }),
    buttonFor("write", "Delete", once(async () => {
      const gone = [];
      try {
        for (const row of rows) {
          const revision = row._meta?.revision;
          await ask("DELETE", recordPath(collection, row.id), { headers: revision ? { "if-match": `"${revision}"` } : {} });
          gone.push(row);
          selected.delete(JSON.stringify(row.id));
        }
      } finally {
        again();
        if (gone.length > 0) {
          toast(`${counted(gone.length, "document is", "documents are")} deleted.`, async () => {
            for (const row of gone) {
              const { id, ...body } = strip(row);
              await ask("PUT", recordPath(collection, id), { query: { upsert: true }, body, headers: { "if-none-match": "*" } });
            }
            again();
          });
        }
      }
    }), { kind: "danger", "data-testid": "bulk-delete" }),
    button("Clear", () => { selected.clear(); again(); }, { "data-clear": true }));
}

/** Everything that the filter finds, page by page. */
async function everyOf(collection, filter, sort) {
  const rows = [];
  let cursor = "";
  do {
    const search = new URLSearchParams([...filterOf(filter), ["limit", EXPORT_PAGE], ["count", "none"]]);
    if (sort) search.set("sort", sort);
    if (cursor) search.set("cursor", cursor);
    const page = await get(`/records${path(collection)}?${search}`);
    rows.push(...(Array.isArray(page) ? page : page.items));
    cursor = Array.isArray(page) ? "" : page.next ?? "";
  } while (cursor && rows.length < EXPORT_MAX);
  if (cursor) toast(`Only the first ${count(rows.length)} documents are in the file; narrow the filter, or use “isobase export”.`);
  return rows;
}

function takeOut(collection, rowsOf) {
  return dialog("Export", (close) => {
    const form = field("As", { options: [["ndjson", "NDJSON, one document a line"], ["json", "JSON, one array"], ["csv", "CSV, a column for each field"]], value: "ndjson" });
    return [form, h("div.actions", {}, button("Cancel", () => close(false)), button("Save the file", once(async () => {
      const rows = await rowsOf();
      const as = inputOf(form).value;
      close(true);
      if (as === "json") download(`${collection}.json`, "application/json", JSON.stringify(rows, null, 2));
      else if (as === "csv") download(`${collection}.csv`, "text/csv", csvOf(rows));
      else download(`${collection}.ndjson`, "application/x-ndjson", rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
      toast(`${counted(rows.length, "document is", "documents are")} saved.`);
    }), { kind: "primary" }))];
  });
}

/** A text that a spreadsheet would compute gets an apostrophe in front, as in the exports of the service. */
function csvOf(rows) {
  const names = [...new Set(rows.flatMap(Object.keys))];
  const cell = (value) => {
    if (value === undefined || value === null) return "";
    let text = typeof value === "string" ? value : JSON.stringify(value);
    if (typeof value === "string" && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
    return /[",\n\r]/.test(text) ? `"${text.replaceAll("\"", "\"\"")}"` : text;
  };
  return [names, ...rows.map((row) => names.map((name) => row[name]))].map((line) => `${line.map(cell).join(",")}\r\n`).join("");
}
