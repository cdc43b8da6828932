// Who changed what, with the state before and after.

import { get } from "../lib/api.js";
import { debounced, h, put } from "../lib/dom.js";
import { count, timeOf } from "../lib/format.js";
import { Region, button, download, empty, facts, field, jsonView, once, panel, table, toast } from "../lib/ui.js";
import { change, values } from "../lib/url.js";

const BASE = "/api/v1/audit";
const FILTERS = [["actor", "Who"], ["action", "What"], ["object_type", "Kind of thing"], ["object_id", "Which one"]];
/** Entries of an export, in pages of so many. */
const [EXPORT_MAX, EXPORT_PAGE] = [10_000, 200];

export function open() {
  const page = new Region("section");
  const side = new Region("div");
  let rows = [];
  const set = (name) => debounced(400, (event) => change({ [name]: event.target.value }, { reset: ["cursor", "id"], replace: true }));
  const bar = h("div.filters", {}, FILTERS.map(([name, title]) =>
    field(title, { value: values()[name] ?? "", oninput: set(name) })),
  button("Export NDJSON", once(takeOut)));
  const element = h("div.split", {}, h("div", {}, bar, page.element), side.element);
  const update = () => page.show(async (signal) => {
    const { cursor, id } = values();
    const wanted = filtered();
    const some = Object.values(wanted).some(Boolean);
    const answer = await get(BASE, { limit: 50, cursor, ...wanted }, { signal });
    rows = answer.entries;
    const entry = rows.find((one) => String(one.id) === id);
    put(side.element, entry && detail(entry));
    if (rows.length === 0) return empty(some ? "No entry matches." : "Nothing has been recorded yet.");
    return [
      table("Audit", [
        { title: "Time", cell: (one) => timeOf(one.at) },
        { title: "Who", cell: (one) => one.actor },
        { title: "What", cell: (one) => one.action },
        { title: "On", cell: (one) => `${one.object_type ?? ""} ${one.object_id ?? ""}` },
      ], rows, { open: (one) => change({ id: one.id }), isOpen: (one) => String(one.id) === id }),
      h("div.actions", {},
        cursor && button("Newest", () => change({}, { reset: ["cursor"] })),
        answer.next && button("Older", () => change({ cursor: answer.next }))),
    ];
  });
  return { element, update, close: () => page.stop() };
}

function filtered() {
  const now = values();
  return Object.fromEntries(FILTERS.map(([name]) => [name, now[name]]));
}

/** What the filters find, the newest first, one entry a line. */
async function takeOut() {
  const lines = [];
  let cursor;
  do {
    const page = await get(BASE, { limit: EXPORT_PAGE, cursor, ...filtered() });
    lines.push(...page.entries.map((entry) => JSON.stringify(entry)));
    cursor = page.next;
  } while (cursor && lines.length < EXPORT_MAX);
  download("audit.ndjson", "application/x-ndjson", `${lines.join("\n")}\n`);
  if (cursor) toast(`Only the newest ${count(lines.length)} entries are in it; narrow the filters for older ones.`);
}

function detail(entry) {
  const { before, after, ...others } = entry;
  const changed = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])]
    .filter((name) => JSON.stringify(before?.[name]) !== JSON.stringify(after?.[name]));
  return panel(entry.action, () => change({ id: null }),
    facts(Object.entries(others).filter(([, value]) => value !== null && value !== undefined).map(([name, value]) =>
      [name.replaceAll("_", " "), name === "at" ? timeOf(value) : String(value)])),
    changed.length > 0 && table("Changes", [
      { title: "Field", cell: (name) => name },
      { title: "Before", cell: (name) => JSON.stringify(before?.[name]) ?? "–" },
      { title: "After", cell: (name) => JSON.stringify(after?.[name]) ?? "–" },
    ], changed),
    h("h3", {}, "Whole entry"), jsonView(entry));
}
