// Cells that are edited in place: what was changed waits until it is looked at and saved.

import { ask, path } from "../lib/api.js";
import { cellButton, editInPlace, focusCell } from "../lib/cell.js";
import { diffView } from "../lib/diff.js";
import { h, put } from "../lib/dom.js";
import { cellText, counted } from "../lib/format.js";
import { may } from "../lib/may.js";
import { button, dialog, field, inputOf, once, table, toast } from "../lib/ui.js";

/** What waits, by collection: another screen and back loses nothing. */
const WAITING = new Map();

addEventListener("beforeunload", (event) => {
  if ([...WAITING.values()].some((rows) => rows.size > 0)) event.preventDefault();
});

/** What waits in a collection, by the id of the document as JSON. */
export function waitingIn(collection) {
  if (!WAITING.has(collection)) WAITING.set(collection, new Map());
  return WAITING.get(collection);
}

const pointer = (name) => `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
const place = (collection, id) => `/records${path(collection, String(id))}`;
const isThere = (value) => value !== undefined;

/** The changes as a JSON Patch; a value that is not there is taken out. */
function patchOf(changes, side) {
  return [...changes].map(([name, change]) => (isThere(change[side])
    ? { op: "add", path: pointer(name), value: change[side] }
    : { op: "remove", path: pointer(name) }));
}

const send = (collection, id, etag, operations) => ask("PATCH", place(collection, id), {
  body: operations,
  type: "application/json-patch+json",
  headers: etag ? { "if-match": etag } : {},
});

/**
 * What a cell shows of a field, and how it is edited.
 * @param {string} collection
 * @param {any} row as the listing has it, with `_meta`
 * @param {() => void} changed is told when something waits, or waits no more
 */
export function editableCell(collection, row, name, changed) {
  const key = JSON.stringify(row.id);
  const waiting = waitingIn(collection).get(key)?.changes.get(name);
  const value = waiting ? waiting.after : row[name];
  const shown = cellText(value);
  if (!may("write")) return shown;
  return cellButton({
    label: `${name} of ${row.id}: ${shown || "empty"}`,
    shown: shown || h("span.muted", { "aria-hidden": "true" }, "·"),
    waiting: Boolean(waiting),
    begin: (cell) => edit(cell, { collection, row, name, value, changed }),
  });
}

/** What somebody typed, as a value of the kind that was there. */
function read(text, former) {
  if (typeof former === "string") return text;
  if (text === "" && !isThere(former)) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    if (isThere(former) && former !== null) throw new Error(`This is no ${typeof former}; a text stands in quotation marks.`);
    return text;
  }
}

function edit(cell, { collection, row, name, value, changed }) {
  const take = (after) => {
    remember(collection, row, name, after);
    changed();
  };
  if (value !== null && typeof value === "object") {
    editJson(`${name} of ${row.id}`, value).then((answer) => { if (answer) take(answer.value); });
    return;
  }
  editInPlace(cell, {
    label: `${name} of ${row.id}`,
    text: typeof value === "string" ? value : isThere(value) ? JSON.stringify(value) : "",
    take(text) {
      const after = read(text, value);
      if (after === value) return false;
      take(after);
      return true;
    },
    again: (step) => focusCell(`doc-row-${row.id}`, name, step),
  });
}

/** Where an error of `JSON.parse` is, in lines and columns, where it says so. */
export function placeOf(text, error) {
  const at = /position (\d+)/.exec(error.message)?.[1];
  if (at === undefined) return error.message;
  const before = text.slice(0, Number(at)).split("\n");
  return `${error.message.replace(/ \(line \d+ column \d+\)/, "")} (line ${before.length}, column ${before.at(-1).length + 1})`;
}

/** A value as JSON text. @returns {Promise<{value: unknown} | false>} */
function editJson(title, value) {
  return dialog(`Edit ${title}`, (close) => {
    const box = field("JSON", { tag: "textarea", spellcheck: "false", value: JSON.stringify(value, null, 2) });
    const told = h("div", { role: "alert" });
    return [box, told, h("div.actions", {}, button("Cancel", () => close(false)), button("Take it", () => {
      const text = inputOf(box).value;
      try {
        close({ value: JSON.parse(text) });
      } catch (error) {
        put(told, h("p.bad", {}, `This is no JSON: ${placeOf(text, error)}`));
      }
    }, { kind: "primary", "data-save": true }))];
  });
}

function remember(collection, row, name, after) {
  const rows = waitingIn(collection);
  const key = JSON.stringify(row.id);
  const etag = row._meta?.etag ?? (row._meta?.revision ? `"${row._meta.revision}"` : null);
  const entry = rows.get(key) ?? { id: row.id, etag, changes: new Map() };
  const before = entry.changes.has(name) ? entry.changes.get(name).before : row[name];
  entry.changes.delete(name);
  if (JSON.stringify(before) !== JSON.stringify(after)) entry.changes.set(name, { before, after });
  rows.delete(key);
  if (entry.changes.size > 0) rows.set(key, entry);
}

/** What waits, and what can be done with it; null when nothing does. */
export function waitingBar(collection, changed) {
  const rows = waitingIn(collection);
  const all = [...rows.values()].reduce((sum, { changes }) => sum + changes.size, 0);
  if (all === 0) return null;
  return h("div.filters.pending", { "data-testid": "pending-bar", role: "group", "aria-label": "Changes that are not saved" },
    h("strong", {}, `${counted(all, "change")} not saved`),
    button("Review", once(() => review(collection, changed))),
    button("Save", once(() => save(collection, changed)), { kind: "primary", "data-save": true, "data-testid": "pending-save" }),
    button("Take the last one back", () => {
      const last = [...rows.values()].at(-1);
      const name = [...last.changes.keys()].at(-1);
      last.changes.delete(name);
      if (last.changes.size === 0) rows.delete(JSON.stringify(last.id));
      changed();
    }, { "data-undo": true }),
    button("Discard", () => { rows.clear(); changed(); }, { kind: "danger" }));
}

function review(collection, changed) {
  const lines = [...waitingIn(collection).values()].flatMap(({ id, changes }) =>
    [...changes].map(([name, { before, after }]) => ({ id, name, before, after })));
  return dialog(`Changes in ${collection}`, (close) => [
    table("Changes that are not saved", [
      { title: "Document", cell: (one) => String(one.id) },
      { title: "Field", cell: (one) => one.name },
      { title: "Before", cell: (one) => (isThere(one.before) ? JSON.stringify(one.before) : "–") },
      { title: "After", cell: (one) => (isThere(one.after) ? JSON.stringify(one.after) : "–") },
    ], lines),
    h("div.actions", {}, button("Go on editing", () => close(false)), button("Save", once(async () => {
      close(true);
      await save(collection, changed);
    }), { kind: "primary", "data-save": true })),
  ]);
}

/** Saves each document by itself, as it was when it was read; what others changed is asked about. */
async function save(collection, changed) {
  const rows = waitingIn(collection);
  const saved = [];
  try {
    for (const [key, entry] of [...rows]) {
      const done = await saveOne(collection, entry);
      if (done === null) continue;
      rows.delete(key);
      if (done) saved.push(done);
    }
  } finally {
    changed(true);
    if (saved.length > 0) {
      toast(`Saved: ${counted(saved.length, "document")}.`, async () => {
        for (const { id, etag, changes } of saved) await send(collection, id, etag, patchOf(changes, "before"));
        changed(true);
      });
    }
  }
}

/** What was saved; false when theirs was taken, null when it still waits. */
async function saveOne(collection, entry) {
  const { id, changes } = entry;
  try {
    const { headers } = await send(collection, id, entry.etag, patchOf(changes, "after"));
    return { id, changes, etag: headers.get("etag") };
  } catch (error) {
    if (error.status !== 412) throw error;
    const now = await ask("GET", place(collection, id), {});
    const answer = await conflict(collection, entry, now.data);
    if (answer === "theirs") return false;
    if (answer !== "mine") return null;
    // Now it is about what they left: the way back leads there.
    for (const [name, change] of changes) changes.set(name, { before: now.data[name], after: change.after });
    entry.etag = now.headers.get("etag");
    return saveOne(collection, entry);
  }
}

/** Three states side by side: as it was read, mine, theirs. */
function conflict(collection, { id, changes }, theirs) {
  const names = [...changes.keys()];
  return dialog(`${collection} ${id} was changed meanwhile`, (close) => [
    table("The fields that you changed", [
      { title: "Field", cell: (name) => name },
      { title: "As you read it", cell: (name) => JSON.stringify(changes.get(name).before) ?? "–" },
      { title: "Yours", cell: (name) => JSON.stringify(changes.get(name).after) ?? "–" },
      { title: "Theirs", cell: (name) => JSON.stringify(theirs[name]) ?? "–" },
    ], names),
    h("h3", {}, "Yours beside theirs"),
    diffView(theirs, { ...theirs, ...Object.fromEntries(names.map((name) => [name, changes.get(name).after])) }),
    h("div.actions", {},
      button("Decide later", () => close(false)),
      button("Take theirs", () => close("theirs"), { "data-testid": "conflict-theirs" }),
      button("Keep mine", () => close("mine"), { kind: "primary", "data-testid": "conflict-mine" })),
  ]);
}
