// Licences of a file: a table whose columns are matched, or the database of the older licence service.

import { ask } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { count, counted } from "../lib/format.js";
import { parseRows } from "../lib/rows.js";
import { button, dialog, download, field, inputOf, once, table } from "../lib/ui.js";
import { BASE } from "./licence-forms.js";

/** What a row can have: its name in the API, its name for people, and what columns of it are called. */
const FIELDS = [
  ["email", "E-mail", /mail|customer|holder/i], ["license_key", "Key", /key|licen[cs]e|serial/i],
  ["expiry_date", "Expires (empty: never)", /expir|until|end|valid/i], ["status", "Status", /status|state/i],
  ["created_at", "Created", /creat|issued|made/i], ["id", "Number", /^(id|number)$/i],
];
/** Rows of one request; refusals that are listed. */
const [ROWS, REFUSALS_SHOWN] = [200, 20];

/** Nothing is written before it was tried; the same file again changes nothing. */
export function bringIn(again) {
  return dialog("Import licences", (close) => {
    const file = field("File", { type: "file", accept: ".csv,.tsv,.json,.ndjson,.db,.sqlite,.sqlite3", "data-testid": "lic-import-file", onchange: () => look() },
      "A table (CSV, TSV, JSON, NDJSON) with an e-mail and a key in each row, or the database of the older licence service (licenses.db).");
    const place = h("div");
    const look = once(async () => {
      const [chosen] = inputOf(file).files;
      if (!chosen) return put(place);
      try {
        put(place, plan(await read(chosen), again));
      } catch (error) {
        put(place, h("p.bad", { role: "alert" }, error.message));
      }
    });
    return [file, place, h("div.actions", {}, button("Close", () => close(true)))];
  });
}

/** What a file has: `rows` is told where there are columns to match. */
async function read(file) {
  const isDatabase = await file.slice(0, 15).text() === "SQLite format 3";
  if (!isDatabase) return matching(parseRows(await file.text()));
  const { data } = await ask("POST", `${BASE}/read`, { raw: file, type: "application/octet-stream" });
  return { columns: [], read: () => ({ ...data, refused: [] }), told: `${counted(data.licenses.length, "licence")} and ${counted(data.installations.length, "installation")} of another service.` };
}

/** Which column is what, as far as their names say; people say the rest. */
function matching(rows) {
  const names = [...new Set(rows.flatMap(Object.keys))];
  const taken = new Set();
  const columns = FIELDS.map(([name, label, called]) => {
    const found = names.find((one) => one === name) ?? names.find((one) => called.test(one) && !taken.has(one)) ?? "";
    taken.add(found);
    return [name, field(label, { options: [["", "no column"], ...names.map((one) => [one, one])], value: found, "data-testid": `lic-map-${name}` })];
  });
  const text = (value) => (value === undefined || value === null ? "" : String(value).trim());
  const read = () => {
    const [licenses, refused] = [[], []];
    rows.forEach((row, at) => {
      const one = Object.fromEntries(columns.flatMap(([name, element]) => {
        const value = text(row[inputOf(element).value]);
        if (name === "id") return Number.isSafeInteger(Number(value)) && value ? [[name, Number(value)]] : [];
        return value ? [[name, value]] : [];
      }));
      if (one.email && one.license_key) licenses.push(one);
      else refused.push(`row ${at + 1}: it has no ${one.email ? "key" : "e-mail"}`);
    });
    return { licenses, installations: [], refused };
  };
  return { columns: columns.map(([, element]) => element), read, told: `${counted(rows.length, "row")}, for example ${JSON.stringify(rows[0])}` };
}

/** The columns, what would become of the rows, and the button that does it. */
function plan({ columns, read: rowsOf, told }, again) {
  const done = h("div", { role: "status" });
  const go = button("Import", once(() => run(false)), { kind: "primary", disabled: true, "data-testid": "lic-import-run" });
  const run = async (dry) => {
    try {
      const report = await send(rowsOf(), dry, done);
      put(done, reportView(report, dry));
      go.disabled = !dry;
      if (!dry) again();
    } catch (error) {
      put(done, h("p.bad", { role: "alert" }, error.message));
    }
  };
  const changed = () => { go.disabled = true; put(done); };
  return [
    h("p.muted", { "data-testid": "lic-import-found" }, told),
    columns.length > 0 && h("fieldset", { onchange: changed }, h("legend", {}, "Which column is what"), columns),
    h("div.actions", {}, button("Try it", once(() => run(true)), { "data-testid": "lic-import-try" }), go), done,
  ];
}

const parts = (rows, name) => Array.from({ length: Math.ceil(rows.length / ROWS) }, (_, at) => ({ [name]: rows.slice(at * ROWS, (at + 1) * ROWS) }));

/** Sends the rows in parts, those of licences first: installations are linked with them. */
async function send({ licenses, installations, refused }, dry, place) {
  const sum = { licenses: { read: refused.length, failed: refused.length }, installations: {}, errors: [...refused], stopped: false };
  const all = [...parts(licenses, "licenses"), ...parts(installations, "installations")];
  const bar = h("progress", { max: all.length, value: 0, "aria-label": "Rows that are sent" });
  put(place, bar, button("Stop", () => { sum.stopped = true; }));
  for (const body of all) {
    if (sum.stopped) break;
    const { data } = await ask("POST", `${BASE}/import`, { query: { dry_run: dry }, body });
    for (const kind of ["licenses", "installations"]) {
      for (const [name, number] of Object.entries(data[kind])) sum[kind][name] = (sum[kind][name] ?? 0) + number;
    }
    sum.errors.push(...data.errors);
    bar.value += 1;
  }
  return sum;
}

function reportView({ licenses, installations, errors, stopped }, dry) {
  const told = (name, { created = 0, updated = 0, unchanged = 0, failed = 0 }) => `${name}: ${count(created)} new, ${count(updated)} changed, ${count(unchanged)} as they are, ${count(failed)} refused.`;
  const cell = (text) => `"${text.replaceAll("\"", "\"\"")}"`;
  return [
    h("p", { "data-testid": "lic-import-told" }, dry ? "It would be: " : stopped ? "Stopped; until then: " : "Done. ", told("Licences", licenses), installations.read > 0 && ` ${told("Installations", installations)}`),
    errors.length > 0 && [
      table("What is refused or remarked", [{ title: "Why", cell: (text) => text }], errors.slice(0, REFUSALS_SHOWN)),
      errors.length > REFUSALS_SHOWN && h("p.muted", {}, `The first ${REFUSALS_SHOWN} of ${count(errors.length)}.`),
      button("Save the report as CSV", () => download("licences-import.csv", "text/csv", ["why", ...errors].map((line) => `${cell(line)}\r\n`).join(""))),
    ],
  ];
}
