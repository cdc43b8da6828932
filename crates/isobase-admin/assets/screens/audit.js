// Who changed what, with the state before and after.

import { get } from "../lib/api.js";
import { debounced, h, put } from "../lib/dom.js";
import { count, timeOf } from "../lib/format.js";
import { begin, following } from "../lib/jobs.js";
import { may } from "../lib/may.js";
import { Region, badge, button, copyButton, download, empty, facts, field, jsonView, once, panel, table, toast } from "../lib/ui.js";
import { change, values } from "../lib/url.js";

export const PARAMETERS = ["actor", "action", "object_type", "object_id", "from", "to", "cursor", "id", "job"];

const BASE = "/api/v1/audit";
const FILTERS = [["actor", "Who"], ["action", "What"], ["object_type", "Kind of thing"], ["object_id", "Which one"]];
/** Entries of an export, in pages of so many. */
const [EXPORT_MAX, EXPORT_PAGE] = [10_000, 200];

export function open() {
  const page = new Region("section");
  const side = new Region("div");
  let rows = [];
  let watched = new AbortController();
  const verify = once(async () => {
    const job = await begin("audit");
    change({ job: job.id, id: null });
  });
  const set = (name) => debounced(400, (event) => change({ [name]: event.target.value }, { reset: ["cursor", "id"], replace: true }));
  const bar = h("div.filters", {}, FILTERS.map(([name, title]) =>
    field(title, { value: values()[name] ?? "", oninput: set(name), "data-testid": `audit-${name}` })),
  [["from", "From"], ["to", "Before"]].map(([name, title]) => field(title, { type: "date", value: values()[name] ?? "", onchange: set(name) })),
  button("Export NDJSON", once(takeOut)),
  may("operations:write") && button("Verify chain", verify, { "data-testid": "audit-verify" }));
  const element = h("div.split", {}, h("div", {}, bar, page.element), side.element);
  const update = () => page.show(async (signal) => {
    watched.abort();
    watched = new AbortController();
    const { cursor, id, job } = values();
    const wanted = filtered();
    const some = Object.values(wanted).some(Boolean);
    const answer = await get(BASE, { limit: 50, cursor, ...wanted }, { signal });
    rows = answer.entries;
    const entry = rows.find((one) => String(one.id) === id);
    put(side.element, entry ? detail(entry) : job && panel("Verify chain", () => change({ job: null }), following(job, { signal: watched.signal, ended: verdict })));
    if (rows.length === 0) {
      return some
        ? empty("No entry matches.", button("Clear filters", () => { change({}, { reset: [...FILTERS.map(([name]) => name), "from", "to", "cursor"] }); location.reload(); }))
        : empty("Nothing has been recorded yet.");
    }
    return [
      table("Audit", [
        { title: "Time", cell: (one) => timeOf(one.at) },
        { title: "Who", cell: (one) => (one.acting_as ? `${one.actor} as ${one.acting_as}` : one.actor) },
        { title: "What", cell: (one) => one.action },
        { title: "On", cell: (one) => `${one.object_type ?? ""} ${one.object_id ?? ""}` },
      ], rows, { open: (one) => change({ id: one.id, job: null }), isOpen: (one) => String(one.id) === id }),
      h("div.actions", {},
        cursor && button("Newest", () => change({}, { reset: ["cursor"] })),
        answer.next && button("Older", () => change({ cursor: answer.next }))),
    ];
  });
  return { element, update, close: () => [watched.abort(), page.stop()] };
}

/** Whether the audit is as it was written. */
function verdict({ result }) {
  if (!result) return null;
  const faults = result.faults ?? [];
  return [
    facts([
      ["Audit", result.whole ? badge("as it was written", "good") : badge(`${count(result.faults_total)} faults`, "bad")],
      ["Entries compared", count(result.entries)],
      result.unsealed > 0 && ["Not in the chain yet", count(result.unsealed)],
      result.trimmed && ["Deleted by their age", `1 to ${count(result.trimmed.last)}`],
      ["End of the chain", [h("code", {}, result.head), " ", copyButton("Copy", result.head)]],
    ].filter(Boolean)),
    h("p.muted", {}, "Note the end of the chain somewhere else: isobase audit verify --expect proves later that nothing before it was changed."),
    faults.length > 0 && table("Faults", [
      { title: "Entry", cell: (one) => count(one.number), className: "number" },
      { title: "Id", cell: (one) => one.id ?? "–" },
      { title: "Fault", cell: (one) => one.message },
    ], faults),
  ];
}

function filtered() {
  const now = values();
  const day = (text) => (text && !Number.isNaN(Date.parse(text)) ? new Date(text).toISOString() : undefined);
  return { ...Object.fromEntries(FILTERS.map(([name]) => [name, now[name]])), "at[gte]": day(now.from), "at[lt]": day(now.to) };
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
      [name.replaceAll("_", " "), name === "at" ? timeOf(value) : name === "seal" ? `number ${value.number}` : String(value)])),
    changed.length > 0 && table("Changes", [
      { title: "Field", cell: (name) => name },
      { title: "Before", cell: (name) => JSON.stringify(before?.[name]) ?? "–" },
      { title: "After", cell: (name) => JSON.stringify(after?.[name]) ?? "–" },
    ], changed),
    h("h3", {}, "Whole entry"), jsonView(entry));
}
