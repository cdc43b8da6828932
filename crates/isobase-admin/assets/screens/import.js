// Records that are brought into a collection: sent, looked at, mapped, stored by a job of the service.

import { ask, get, path, post } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { bytes, count, counted } from "../lib/format.js";
import { JOBS, begin, following } from "../lib/jobs.js";
import { may } from "../lib/may.js";
import { sendFile } from "../lib/upload.js";
import { button, dialog, download, field, inputOf, once, table, toast } from "../lib/ui.js";

const IMPORTS = "/api/v1/imports";
const TYPES = [["", "as it is"], ["text", "text"], ["number", "number"], ["boolean", "true or false"], ["json", "JSON"]];
const IDS = [["upsert", "replace what has the id already"], ["keep", "refuse those whose id is taken"], ["new", "give every record a new id"]];

/** A file, or pasted text; nothing is stored before it was looked at. */
export function bringIn(collection, again) {
  const leaving = new AbortController();
  return dialog(`Import into ${collection}`, (close) => {
    const file = field("File (CSV, TSV, NDJSON, JSON; also packed with gzip or zstd)", { type: "file", accept: ".json,.ndjson,.jsonl,.csv,.tsv,.gz,.zst" });
    const box = field("or pasted text", { tag: "textarea", spellcheck: "false" });
    box.addEventListener("dragover", (event) => event.preventDefault());
    box.addEventListener("drop", (event) => {
      event.preventDefault();
      inputOf(file).files = event.dataTransfer.files;
      send();
    });
    const told = h("div", { role: "status" });
    const send = once(async () => {
      const chosen = inputOf(file).files[0] ?? new File([inputOf(box).value], "pasted");
      if (chosen.size === 0) return put(told, h("p.bad", {}, "There is nothing to import."));
      const bar = h("progress", { max: chosen.size, "aria-label": "Bytes that are sent" });
      put(told, bar, ` ${bytes(chosen.size)}`);
      try {
        const sent = await sendFile(IMPORTS, chosen, (done) => { bar.value = done; }, leaving.signal);
        await look(collection, sent, told, { again, leaving, close });
      } catch (error) {
        if (error.name !== "AbortError") put(told, h("p.bad", { role: "alert" }, error.message));
      }
    });
    return [file, box, h("div.actions", {}, button("Close", () => close(false)), button("Look at it", send, { kind: "primary", "data-testid": "import-look" })), told];
  }).finally(() => leaving.abort());
}

/** What was found in a file, what becomes of it, and the buttons that do it. */
async function look(collection, file, told, { again, leaving, close }) {
  /** What was changed of columns, by their names in the file. */
  const columns = new Map();
  const first = h("div");
  const ids = field("Ids in the file", { options: IDS, value: "upsert" });
  const skip = field("A record that is refused", { options: [["on", "is left out and named"], ["", "ends the import"]], value: "on" });
  const asked = () => ({
    columns: [...columns].map(([from, { to, type }]) => ({ from, to: to || null, ...(type ? { type } : {}) })),
  });
  const preview = (body) => post(IMPORTS + path(file.id, "preview"), { collection, rows: 5, ...body }, undefined, { signal: leaving.signal });
  const draw = (found) => put(first,
    table("The first records", [
      { title: "Line", cell: (one) => count(one.line), className: "number" },
      { title: "Id", cell: (one) => one.id ?? h("span.muted", {}, "new") },
      { title: "As it would be stored", cell: (one) => h("code", {}, one.document ? JSON.stringify(one.document) : "") },
      { title: "Refused", cell: (one) => one.refused && h("span.bad", {}, one.refused) },
    ], found.records),
    found.ends_with && h("p.bad", {}, `It cannot be read on: ${found.ends_with}`));
  const found = await preview({});
  const redraw = once(async () => draw(await preview(asked())));
  const change = (one, part) => (event) => {
    const now = { to: one.to ?? "", type: "", ...columns.get(one.from), [part]: event.target.value.trim() };
    if (now.to === one.from && !now.type) columns.delete(one.from);
    else columns.set(one.from, now);
    redraw();
  };
  const done = h("div");
  const start = (dry) => once(async () => {
    const body = { file: file.id, collection, ids: inputOf(ids).value, skip_bad: inputOf(skip).value === "on", dry_run: dry, ...asked() };
    follow(await begin("import", body), done, { again, leaving, close, restart: start(false) });
  });
  put(told,
    h("p", { "data-testid": "import-plan" }, `${file.name}, ${bytes(file.bytes)}: ${found.format}${found.delimiter ? ` with ${found.delimiter === "\t" ? "tabs" : `“${found.delimiter}”`} between cells` : ""}, ${counted(found.columns.length, "column")}.`,
      !found.surveyed_whole && " What columns are was decided by the beginning; the import looks at all of it."),
    h("details", {}, h("summary", {}, "Fields"), h("p.muted", {}, "Another name renames the field, an empty one leaves it out; what is called id is the id."),
      table("Fields", [
        { title: "In the file", cell: (one) => one.from },
        { title: "For example", cell: (one) => h("code", {}, one.example ?? "") },
        { title: "Field", cell: (one) => h("input", { value: one.to ?? "", "aria-label": `Field of ${one.from}`, autocomplete: "off", onchange: change(one, "to") }) },
        { title: "Type", cell: (one) => h("select", { "aria-label": `Type of ${one.from}`, onchange: change(one, "type") },
          TYPES.map(([value, text]) => h("option", { value }, value === "" && one.type ? `${one.type} (found)` : text))) },
      ], found.columns)),
    first, ids, skip,
    h("div.actions", {},
      button("Try all of it", start(true), { "data-testid": "import-dry" }),
      button("Import", start(false), { kind: "primary", "data-testid": "import-run" })),
    done);
  draw(found);
}

/** The job, to its end; what was refused stays to be read. */
function follow(job, place, { again, leaving, close, restart }) {
  if (!may("operations:read")) {
    put(place, h("p", { "data-testid": "import-begun" }, "The import runs. You may not look at jobs, so its end is not shown here."));
    return;
  }
  put(place, following(job.id, {
    signal: leaving.signal,
    ended: ({ state, result }) => {
      if (!result?.dry_run) again();
      if (state === "succeeded" && !result.dry_run && result.refused === 0) {
        close(true);
        toast(`${counted(result.new, "document")} stored.`);
      }
      return [
        h("p", { "data-testid": "import-done" }, importSummary(result)),
        importReport(result, job.parameters.file),
        state !== "succeeded" && button("Go on", restart, { "data-testid": "import-again" }),
      ];
    },
  }));
}

/** What became of the records, in a sentence. */
export function importSummary(result) {
  if (!result) return "";
  const { dry_run: dry, new: made, already_there: there, refused } = result;
  if (dry) return `${counted(made, "record")} would be stored, ${count(refused)} refused. Ids that are taken and values that must be unique are found when they are stored.`;
  return `${counted(made, "record")} stored${there > 0 ? `, ${count(there)} were already` : ""}, ${count(refused)} refused.`;
}

/** Which records were refused, by their lines. */
export function importReport(result, file) {
  if (!result?.refused) return null;
  return [
    table("Records that were refused", [
      { title: "Line", cell: (one) => count(one.line), className: "number" },
      { title: "Record", cell: (one) => count(one.record), className: "number" },
      { title: "Why", cell: (one) => one.reason },
    ], result.refusals),
    result.refused > result.refusals.length && h("p.muted", {}, `The first ${count(result.refusals.length)} of ${count(result.refused)}.`),
    button("Download the report", once(async () => {
      const { text } = await ask("GET", IMPORTS + path(file, "refused"), { headers: { accept: "application/x-ndjson" } });
      download(`${result.collection}-refused.ndjson`, "application/x-ndjson", text);
    })),
  ];
}

/** Begins an import of a former job again: it goes on where that was. */
export async function importAgain(id) {
  const { parameters } = await get(JOBS + path(id));
  return begin("import", parameters);
}
