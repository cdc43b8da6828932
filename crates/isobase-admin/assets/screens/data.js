// Documents of any collection: find, read, change, bring in, take out.

import { ask, get, path } from "../lib/api.js";
import { debounced, h, put } from "../lib/dom.js";
import { cellText, count, timeOf } from "../lib/format.js";
import { Region, button, buttonFor, copyButton, dialog, download, empty, facts, field, inputOf, jsonView, once, panel, table, toast } from "../lib/ui.js";
import { change, go, values } from "../lib/url.js";

const PAGE = 50;
const COLUMNS_MAX = 8;
const IMPORT_CHUNK = 500;

export function open() {
  const list = new Region("nav");
  const page = new Region("section");
  const side = new Region("div");
  const element = h("div.split", {}, h("div", {}, list.element, page.element), side.element);
  let known = null;
  const update = () => {
    const collection = collectionOf();
    list.show(async (signal) => {
      known ??= await get("/collections", {}, { signal });
      return choose(known.collections, collection, () => { known = null; update(); });
    });
    if (!collection) {
      put(page.element, h("p.muted", {}, "Choose a collection, or make one by its first document."));
      put(side.element);
      return;
    }
    page.show((signal) => listing(collection, signal, update));
    const id = values().id;
    if (id === undefined) {
      side.stop();
      put(side.element);
    } else {
      side.show((signal) => document_(collection, id, signal, update));
    }
  };
  return { element, update, close: () => [list, page, side].forEach((region) => region.stop()) };
}

function collectionOf() {
  const name = location.pathname.split("/")[3];
  return name && decodeURIComponent(name);
}

function address(collection) {
  return `/admin/data/${encodeURIComponent(collection)}`;
}

function choose(collections, current, again) {
  const options = [["", "–"], ...collections.map((name) => [name, name])];
  if (current && !collections.includes(current)) options.push([current, current]);
  return h("div.filters", {},
    field("Collection", { options, value: current ?? "", onchange: (event) => go(event.target.value ? address(event.target.value) : "/admin/data") }),
    buttonFor("write", "New collection", () => newCollection(again)));
}

async function newCollection(again) {
  const name = await dialog("New collection", (close) => {
    const box = field("Name", { required: true, autocomplete: "off" }, "It exists with its first document.");
    return h("form", { onsubmit: (event) => { event.preventDefault(); close(inputOf(box).value.trim()); } },
      box, h("div.actions", {}, button("Cancel", () => close("")), h("button.primary", { type: "submit" }, "Go on")));
  });
  if (!name) return;
  go(address(name));
  await edit(name, null, {}, again);
}

/** The filter as the API has it: `status=open&age[gte]=18`. */
function filterOf(text) {
  return [...new URLSearchParams(text)];
}

async function listing(collection, signal, again) {
  const { filter = "", sort = "", cursor = "", id } = values();
  const search = new URLSearchParams([...filterOf(filter), ["limit", PAGE], ["meta", "true"]]);
  if (sort) search.set("sort", sort);
  if (cursor) search.set("cursor", cursor);
  else search.set("count", "exact");
  const answer = await get(`/records${path(collection)}?${search}`, {}, { signal });
  const rows = answer.items;
  const names = columnsOf(rows);
  const columns = [
    { title: "id", cell: (row) => cellText(row.id, 40), sort: "id" },
    ...names.map((name) => ({ title: name, cell: (row) => cellText(row[name]), sort: fieldName(name) })),
    { title: "changed", cell: (row) => timeOf(row._meta?.updatedAt) },
  ];
  const reset = ["cursor", "id"];
  const told = [cursor ? null : answer.total !== undefined && `${count(answer.total)} documents`];
  return [
    h("div.filters", {},
      field("Filter", {
        type: "search",
        value: filter,
        placeholder: "status=open&age[gte]=18",
        oninput: debounced(400, (event) => change({ filter: event.target.value }, { reset, replace: true })),
      }, "As in the API: name=value, name[gte]=18, name[like]=a%; joined by &."),
      buttonFor("write", "New document", once(() => edit(collection, null, {}, again)), { kind: "primary" }),
      buttonFor("write", "Import", once(() => bringIn(collection, again))),
      button("Export NDJSON", once(() => takeOut(collection, filter, sort)))),
    rows.length
      ? table(`Documents of ${collection}`, columns, rows, {
        open: (row) => change({ id: JSON.stringify(row.id) }),
        isOpen: (row) => JSON.stringify(row.id) === id,
        testId: (row) => `doc-row-${row.id}`,
        sort,
        onsort: (next) => change({ sort: next }, { reset }),
      })
      : filter
        ? empty("No document matches.", button("Clear filters", () => change({}, { reset: ["filter", ...reset] })))
        : empty("No documents are here yet.", buttonFor("write", "New document", once(() => edit(collection, null, {}, again)))),
    h("div.actions", {},
      h("span.muted", {}, told),
      cursor && button("First page", () => change({}, { reset })),
      answer.next && button("Older", () => change({ cursor: answer.next }, { reset: ["id"] }))),
  ];
}

/** A name that could be read as something else is quoted, as the filter language has it. */
function fieldName(name) {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? name : `"${name.replaceAll("\"", "\\\"")}"`;
}

/** The most frequent members of the documents of a page. */
function columnsOf(rows) {
  const seen = new Map();
  for (const row of rows) {
    for (const name of Object.keys(row)) {
      if (name !== "id" && name !== "_meta") seen.set(name, (seen.get(name) ?? 0) + 1);
    }
  }
  return [...seen].sort(([, a], [, b]) => b - a).slice(0, COLUMNS_MAX).map(([name]) => name);
}

async function document_(collection, text, signal, again) {
  const id = JSON.parse(text);
  const close = () => change({ id: null });
  const place = `/records${path(collection, String(id))}`;
  const { data, headers } = await ask("GET", place, { query: { meta: true }, signal });
  const { _meta: meta, ...body } = data;
  const etag = headers.get("etag");
  return panel(`${collection} ${id}`, close,
    facts([
      ["Revision", meta?.revision],
      ["Created", timeOf(meta?.createdAt)],
      ["Changed", timeOf(meta?.updatedAt)],
    ]),
    h("div.actions", {},
      buttonFor("write", "Edit", once(() => edit(collection, { id, etag }, body, again)), { kind: "primary" }),
      buttonFor("write", "Duplicate", once(() => edit(collection, null, body, again))),
      copyButton("Copy link", location.href),
      buttonFor("write", "Delete", once(() => remove(collection, id, etag, body, again)), { kind: "danger" })),
    jsonView(body));
}

/** Deletes a document; the way back creates it again under its id. */
async function remove(collection, id, etag, body, again) {
  const place = `/records${path(collection, String(id))}`;
  await ask("DELETE", place, { headers: etag ? { "if-match": etag } : {} });
  change({ id: null });
  again();
  toast(`${collection} ${id} is deleted.`, async () => {
    const { id: _, ...without } = body;
    await ask("PUT", place, { query: { upsert: true }, body: without });
    again();
  });
}

/** Edits a document as JSON; one that somebody changed meanwhile is shown beside ours. */
function edit(collection, existing, body, again) {
  const { id: _, ...without } = body;
  return dialog(existing ? `Edit ${collection} ${existing.id}` : `New document in ${collection}`, (close) => {
    let etag = existing?.etag;
    const own = field("Id (optional)", { autocomplete: "off" }, "Empty: the next number.");
    const box = field("JSON", { tag: "textarea", spellcheck: "false", value: JSON.stringify(without, null, 2) });
    const told = h("div", { role: "alert" });
    const save = once(async () => {
      put(told);
      let value;
      try {
        value = JSON.parse(inputOf(box).value);
      } catch (error) {
        put(told, h("p.bad", {}, `This is no JSON: ${error.message}`));
        return;
      }
      try {
        const chosen = inputOf(own).value.trim();
        if (existing) {
          await ask("PUT", `/records${path(collection, String(existing.id))}`, { body: value, headers: etag ? { "if-match": etag } : {} });
        } else if (chosen) {
          await ask("PUT", `/records${path(collection, chosen)}`, { query: { upsert: true }, body: value, headers: { "if-none-match": "*" } });
        } else {
          await ask("POST", `/records${path(collection)}`, { body: value, headers: { "idempotency-key": crypto.randomUUID() } });
        }
      } catch (error) {
        if (error.status !== 412 || !existing) {
          put(told, h("p.bad", {}, error.message), (error.errors ?? []).map((one) => h("p.bad", {}, `${one.pointer ?? one.field ?? ""} ${one.detail ?? one.message ?? ""}`)));
          return;
        }
        const now = await ask("GET", `/records${path(collection, String(existing.id))}`, {});
        put(told, h("p.bad", {}, "Somebody changed this document meanwhile. It is now:"), jsonView(now.data),
          h("div.actions", {},
            button("Take theirs", () => { inputOf(box).value = JSON.stringify(now.data, null, 2); etag = now.headers.get("etag"); put(told); }),
            button("Keep mine", () => { etag = now.headers.get("etag"); put(told, h("p", {}, "Save writes yours over it.")); })));
        return;
      }
      close(true);
      toast("Saved");
      again();
    });
    return [!existing && own, box, told, h("div.actions", {}, button("Cancel", () => close(false)), button("Save", save, { kind: "primary", "data-testid": "doc-save" }))];
  });
}

/** Rows of NDJSON, a JSON array or CSV, looked at before anything is stored. */
function bringIn(collection, again) {
  return dialog(`Import into ${collection}`, (close) => {
    const file = field("File (JSON, NDJSON, CSV, TSV)", { type: "file", accept: ".json,.ndjson,.jsonl,.csv,.tsv" });
    const box = field("or pasted text", { tag: "textarea", spellcheck: "false" });
    const told = h("div", { role: "status" });
    let rows = null;
    const go = button("Import", once(async () => {
      let done = 0;
      for (let at = 0; at < rows.length; at += IMPORT_CHUNK) {
        const chunk = rows.slice(at, at + IMPORT_CHUNK);
        await ask("POST", `/records${path(collection)}`, { body: chunk, headers: { "idempotency-key": crypto.randomUUID() } });
        done += chunk.length;
        put(told, `${count(done)} of ${count(rows.length)} are stored.`);
      }
      close(true);
      toast(`${count(done)} documents are stored.`);
      again();
    }), { kind: "primary", disabled: true });
    const look = once(async () => {
      const chosen = inputOf(file).files[0];
      const text = chosen ? await chosen.text() : inputOf(box).value;
      const { parseRows } = await import("../lib/rows.js");
      try {
        rows = parseRows(text);
        put(told, h("p", {}, `${count(rows.length)} rows; the first ones:`), jsonView(rows.slice(0, 3)));
        go.disabled = rows.length === 0;
      } catch (error) {
        rows = null;
        go.disabled = true;
        put(told, h("p.bad", {}, error.message));
      }
    });
    return [file, box, told, h("div.actions", {}, button("Cancel", () => close(false)), button("Look at it", look), go)];
  });
}

/** Saves what the filter finds, page by page. */
async function takeOut(collection, filter, sort) {
  const lines = [];
  let cursor = "";
  do {
    const search = new URLSearchParams([...filterOf(filter), ["limit", 1000]]);
    if (sort) search.set("sort", sort);
    if (cursor) search.set("cursor", cursor);
    const page = await get(`/records${path(collection)}?${search}`, {}, { headers: {} });
    const items = Array.isArray(page) ? page : page.items;
    lines.push(...items.map((item) => JSON.stringify(item)));
    cursor = Array.isArray(page) ? "" : page.next ?? "";
  } while (cursor);
  download(`${collection}.ndjson`, "application/x-ndjson", `${lines.join("\n")}\n`);
  toast(`${count(lines.length)} documents are saved.`);
}

