// Who changed what, with the state before and after.

import { get } from "../lib/api.js";
import { debounced, h, put } from "../lib/dom.js";
import { timeOf } from "../lib/format.js";
import { Region, button, empty, facts, field, jsonView, panel, table } from "../lib/ui.js";
import { change, values } from "../lib/url.js";

const BASE = "/api/v1/audit";
const FILTERS = ["actor", "action"];

export function open() {
  const page = new Region("section");
  const side = new Region("div");
  let rows = [];
  const set = (name) => debounced(400, (event) => change({ [name]: event.target.value }, { reset: ["cursor", "id"], replace: true }));
  const bar = h("div.filters", {}, FILTERS.map((name) =>
    field(name === "actor" ? "Who" : "What", { value: values()[name] ?? "", oninput: set(name) })));
  const element = h("div.split", {}, h("div", {}, bar, page.element), side.element);
  const update = () => page.show(async (signal) => {
    const { cursor, id, actor, action } = values();
    const answer = await get(BASE, { limit: 50, cursor, actor, action }, { signal });
    rows = answer.entries;
    const entry = rows.find((one) => String(one.id) === id);
    put(side.element, entry && detail(entry));
    if (rows.length === 0) return empty(actor || action ? "No entry matches." : "Nothing has been recorded yet.");
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
