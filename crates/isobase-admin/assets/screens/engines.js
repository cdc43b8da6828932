// The database below, its collections and indexes, and how to move or save all of it.

import { get } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { count, timeOf } from "../lib/format.js";
import { Region, badge, copyButton, facts, table } from "../lib/ui.js";

export function open({ refresh }) {
  const region = new Region();
  const update = () => region.show(async (signal) => view(await refresh(), signal));
  return { element: region.element, update, close: () => region.stop() };
}

async function view(overview, signal) {
  const { collections } = overview.ready ? await get("/collections", {}, { signal }) : { collections: [] };
  const system = Object.entries(overview.system ?? {});
  return [
    facts([
      ["Engine", overview.engine],
      ["State", overview.ready ? badge("ready", "good") : badge("does not answer", "bad")],
      ["Version", overview.version],
      ["Up since", timeOf(overview.started_at)],
      ["Records", `${count(overview.data.records)} in ${count(overview.data.collections)} collections`],
    ]),
    h("h2", {}, "Collections"),
    table("Collections", [
      { title: "Name", cell: (name) => h("a", { href: `/admin/data/${encodeURIComponent(name)}` }, name) },
      { title: "Schema", cell: (name) => h("a", { href: `/collections/${encodeURIComponent(name)}/schema`, target: "_blank" }, "JSON Schema") },
    ], collections),
    system.length > 0 && [
      h("h2", {}, "What the service keeps"),
      table("System collections", [
        { title: "Name", cell: ([name]) => name },
        { title: "Documents", cell: ([, documents]) => count(documents), className: "number" },
      ], system),
    ],
    h("h2", {}, "Copy, save, put back"),
    h("p", {}, "These run where the executable is, and go through this service while it holds the file. Each proves that nothing changed."),
    commands([
      ["Save everything in one file", "isobase dump backup.isobase"],
      ["Prove that a file is whole", "isobase verify backup.isobase"],
      ["Move everything to PostgreSQL", "isobase copy sqlite://data/isobase.db postgres://localhost/app"],
      ["Put a saved file into a new database", "isobase restore backup.isobase sqlite://new.db"],
    ]),
  ];
}

function commands(rows) {
  return rows.map(([title, command]) => h("div.field", {}, h("h3", {}, title), h("p.secret", {}, command), copyButton("Copy", command)));
}
