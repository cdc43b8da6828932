// Long work inside the service: what runs, what ran, what became of it.

import { get } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { timeOf } from "../lib/format.js";
import { JOBS, begin, following, isOpen, progressText, resultView, stateBadge, took } from "../lib/jobs.js";
import { may } from "../lib/may.js";
import { Region, button, empty, facts, field, once, panel, table } from "../lib/ui.js";
import { change, values } from "../lib/url.js";

export const PARAMETERS = ["id", "kind"];

const REFRESH_MS = 2_000;
const KINDS = ["backup", "verify", "restore", "copy", "import", "reconcile", "sweep"];

export function open() {
  const page = new Region("section");
  const side = h("div");
  let shown = null;
  let watched = new AbortController();
  let timer;
  const start = (kind) => once(async () => {
    const job = await begin(kind);
    change({ id: job.id });
  });
  const kind = field("Kind", {
    options: [["", "all"], ...KINDS.map((name) => [name, name])],
    value: values().kind ?? "",
    onchange: (event) => change({ kind: event.target.value }, { replace: true }),
  });
  const bar = h("div.filters", {}, kind,
    may("operations:write") && [
      button("Back up", start("backup")),
      button("Sweep what expired", start("sweep")),
      button("Take in what others wrote", start("reconcile")),
    ]);
  const listing = () => page.show(async (signal) => {
    const { id, kind: wanted } = values();
    const { jobs } = await get(JOBS, { kind: wanted }, { signal });
    clearTimeout(timer);
    if (jobs.some(isOpen)) timer = setTimeout(() => { if (!document.hidden) listing(); }, REFRESH_MS);
    if (jobs.length === 0) return empty(wanted ? "No job of this kind is remembered." : "Nothing has run yet. Copies, backups and restores appear here.");
    return table("Jobs", [
      { title: "What", cell: (job) => job.kind },
      { title: "State", cell: stateBadge },
      { title: "Progress", cell: progressText },
      { title: "Asked for", cell: (job) => timeOf(job.created_at) },
      { title: "Took", cell: took },
      { title: "By", cell: (job) => job.by },
    ], jobs, { open: (job) => change({ id: job.id }), isOpen: (job) => job.id === id, testId: (job) => `job-row-${job.id}` });
  });
  function update() {
    listing();
    const { id = null } = values();
    if (id === shown) return;
    shown = id;
    watched.abort();
    watched = new AbortController();
    put(side, id && panel(`Job ${id}`, () => change({ id: null }),
      following(id, {
        signal: watched.signal,
        ended: (job) => {
          listing();
          return [job.kind === "import" && importOf(job), h("h3", {}, "What was asked for"), facts(Object.entries(job.parameters ?? {}).map(([name, value]) => [name.replaceAll("_", " "), text(value)])), resultView(job)];
        },
      })));
  }
  return {
    element: h("div.split", {}, h("div", {}, bar, page.element), side),
    update,
    close() {
      clearTimeout(timer);
      watched.abort();
      page.stop();
    },
  };
}

/** What an import did, and the button that goes on with it. */
function importOf(job) {
  const place = h("div");
  import("./import.js").then(({ importAgain, importReport, importSummary }) => put(place,
    h("p", {}, importSummary(job.result)), importReport(job.result, job.parameters.file),
    job.state !== "succeeded" && may("write") && button("Go on", once(async () => change({ id: (await importAgain(job.id)).id })), { kind: "primary" })));
  return place;
}

function text(value) {
  if (Array.isArray(value)) return value.join(", ") || "all";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
