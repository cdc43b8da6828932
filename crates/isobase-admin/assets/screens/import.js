// Rows that are brought into a collection: looked at, mapped, stored, with what became of each.

import { ask, freshKey, path } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { count, counted } from "../lib/format.js";
import { button, dialog, download, field, inputOf, jsonView, once, table, toast } from "../lib/ui.js";

/** Rows of one request. */
const CHUNK = 200;
/** Refusals that are shown; all are in the file. */
const SHOWN = 20;

/** Rows of NDJSON, a JSON array, CSV or TSV; nothing is stored before it was looked at. */
export function bringIn(collection, again) {
  return dialog(`Import into ${collection}`, (close) => {
    const file = field("File (JSON, NDJSON, CSV, TSV)", { type: "file", accept: ".json,.ndjson,.jsonl,.csv,.tsv" });
    const box = field("or pasted text", { tag: "textarea", spellcheck: "false" });
    box.addEventListener("dragover", (event) => event.preventDefault());
    box.addEventListener("drop", (event) => {
      event.preventDefault();
      inputOf(file).files = event.dataTransfer.files;
      look();
    });
    const told = h("div", { role: "status" });
    let plan = null;
    let stopped = false;
    const go = button("Import", once(async () => {
      stop.hidden = false;
      const report = await store(collection, plan.rows(), told, () => stopped);
      stop.hidden = true;
      again();
      put(told, ended(collection, report));
      go.disabled = true;
      if (report.refused.length === 0 && !stopped) {
        close(true);
        toast(`${counted(report.created + report.updated, "document")} stored.`);
      }
    }), { kind: "primary", disabled: true, "data-testid": "import-run" });
    const stop = button("Stop", () => { stopped = true; }, { hidden: true });
    const look = once(async () => {
      const chosen = inputOf(file).files[0];
      const text = chosen ? await chosen.text() : inputOf(box).value;
      const { parseRows } = await import("../lib/rows.js");
      try {
        plan = mapping(parseRows(text));
        put(told, plan.element);
        go.disabled = false;
      } catch (error) {
        plan = null;
        go.disabled = true;
        put(told, h("p.bad", {}, error.message));
      }
    });
    return [file, box, told, h("div.actions", {}, button("Close", () => close(false)), stop, button("Look at it", look, { "data-testid": "import-look" }), go)];
  });
}

/** Which column becomes which field, and which one is the id. */
function mapping(rows) {
  const names = [...new Set(rows.flatMap(Object.keys))];
  const target = new Map(names.map((name) => [name, name]));
  const first = h("div");
  const draw = () => put(first, jsonView(map(rows.slice(0, 3))));
  const map = (some) => some.map((row) => Object.fromEntries(Object.entries(row)
    .filter(([name]) => target.get(name))
    .map(([name, value]) => [target.get(name), value])));
  const inputs = names.map((name) => field(name, { value: name, autocomplete: "off", oninput: (event) => { target.set(name, event.target.value.trim()); draw(); } }));
  const withId = rows.filter((row) => row.id !== undefined).length;
  draw();
  return {
    rows: () => map(rows),
    element: [
      h("p", { "data-testid": "import-plan" }, `${counted(rows.length, "row")}: ${counted(withId, "row", "rows")} with an id ${withId === 1 ? "replaces" : "replace"} what is there under it, ${count(rows.length - withId)} become new documents.`),
      h("details", {}, h("summary", {}, "Fields"), h("p.muted", {}, "Another name renames the field, an empty one leaves it out; what is called id is the id."), inputs),
      h("p", {}, "The first ones:"), first,
    ],
  };
}

async function store(collection, rows, told, isStopped) {
  const report = { created: 0, updated: 0, refused: [], all: rows.length, done: 0 };
  for (let at = 0; at < rows.length && !isStopped(); at += CHUNK) {
    const operations = rows.slice(at, at + CHUNK).map(({ id, ...body }) => (id === undefined
      ? { method: "create", body }
      : { method: "put", id, body, upsert: true }));
    const { data } = await ask("POST", `/records${path(collection)}/batch`, {
      body: { atomic: false, operations },
      headers: { "idempotency-key": freshKey() },
    });
    data.results.forEach((result, index) => {
      if (result.error) report.refused.push({ row: at + index + 1, reason: result.error.detail, code: result.error.code });
      else if (result.kind === "created") report.created += 1;
      else report.updated += 1;
    });
    report.done = Math.min(rows.length, at + CHUNK);
    put(told, h("progress", { max: rows.length, value: report.done, "aria-label": "Rows that are done" }), ` ${count(report.done)} of ${count(rows.length)}`);
  }
  return report;
}

function ended(collection, { created, updated, refused, all, done }) {
  return [
    h("p", { "data-testid": "import-done" }, `${count(created)} new, ${count(updated)} replaced, ${count(refused.length)} refused${done < all ? `; stopped before row ${count(done + 1)}` : ""}.`),
    refused.length > 0 && [
      table("Rows that were refused", [
        { title: "Row", cell: (one) => count(one.row), className: "number" },
        { title: "Why", cell: (one) => one.reason },
      ], refused.slice(0, SHOWN)),
      button("Download what was refused", () => download(`${collection}-refused.json`, "application/json", JSON.stringify(refused, null, 2))),
    ],
  ];
}
