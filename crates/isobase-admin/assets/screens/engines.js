// The database below, its collections, and the wizard that copies all of it to another one.

import { ask, get } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { count, duration, timeOf } from "../lib/format.js";
import { begin, following, resultView, samplesOf } from "../lib/jobs.js";
import { may } from "../lib/may.js";
import { Region, badge, button, facts, field, inputOf, once, panel, table, toast } from "../lib/ui.js";
import { change, values } from "../lib/url.js";

export const PARAMETERS = ["copy", "job"];

export function open({ refresh }) {
  const region = new Region();
  const side = h("div");
  // The address of the target has a password in it: it stays in this page, and out of the address.
  const wanted = { to: "", existing: "refuse", leave_out: false, collections: "" };
  let shown = null;
  let watched = new AbortController();
  function update() {
    region.show(async (signal) => view(await refresh(), signal));
    const { copy, job } = values();
    const now = `${copy ?? ""} ${job ?? ""}`;
    if (now === shown) return;
    shown = now;
    watched.abort();
    watched = new AbortController();
    put(side, copy && panel("Copy to another database", () => change({ copy: null, job: null }), job ? stepOfJob(job, wanted, watched.signal) : form(wanted)));
  }
  return {
    element: h("div.split", {}, region.element, side),
    update,
    close() {
      watched.abort();
      region.stop();
    },
  };
}

async function view(overview, signal) {
  const took = await latency(signal);
  const { collections } = overview.ready && may("read") ? await get("/collections", {}, { signal }) : { collections: [] };
  const system = Object.entries(overview.system ?? {});
  return [
    facts([
      ["Engine", overview.engine],
      ["Answers in", took === null ? "–" : duration(took)],
      ...busy(overview.engine_gauges ?? {}),
      ["State", overview.ready ? badge("ready", "good") : badge("does not answer", "bad")],
      may("admin") && ["Where it is", h("a", { href: "/admin/settings?all=1&find=url" }, "as the settings say")],
      ["Version", overview.version],
      ["Up since", timeOf(overview.started_at)],
      ["Records", `${count(overview.data.records)} in ${count(overview.data.collections)} collections`],
      ["Last good backup", timeOf(overview.backups?.last_good_at)],
    ].filter(Boolean)),
    h("div.actions", {},
      may("admin") && button("Copy to another database…", () => change({ copy: 1, job: null }), { kind: "primary", "data-testid": "copy-open" }),
      button("Test the connection", once(async () => {
        const now = await latency(signal);
        toast(now === null ? "The database does not answer." : `The database answers in ${duration(now)}.`);
      })),
      h("a", { href: "/admin/backups" }, "Backups"), h("a", { href: "/admin/jobs" }, "Jobs")),
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
  ];
}

/** How busy the engine is, as far as it says. */
function busy(gauges) {
  const pool = gauges.pool_connections_max !== undefined;
  const waits = gauges.writer_queue_jobs ?? gauges.writer_queue_slots;
  return [
    pool && ["Connections", h("span", { "data-testid": "engine-pool" }, `${count(gauges.pool_connections_leased)} in use, ${count(gauges.pool_connections_idle)} idle, ${count(gauges.pool_questions_waiting)} waiting; at most ${count(gauges.pool_connections_max)}`)],
    gauges.reads_waiting !== undefined && ["Long reads", `${count(gauges.reads_waiting)} waiting`],
    waits !== undefined && ["Writes", `${count(waits)} waiting`],
  ].filter(Boolean);
}

/** How long the service takes to find out that the database answers; null when it does not. */
async function latency(signal) {
  const begun = performance.now();
  try {
    await ask("GET", "/readyz", { signal });
    return performance.now() - begun;
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return null;
  }
}

/** Where to, and what. */
function form(wanted) {
  const to = field("Target", { required: true, autocomplete: "off", value: wanted.to, placeholder: "postgres://app:secret@db/app" },
    "sqlite:///path, postgres://…, couchdb://…, dynamodb://…, firestore://…. A password stays in this page.");
  const collections = field("Collections", { autocomplete: "off", value: wanted.collections }, "Names with blanks between; empty for everything, accounts and licences included.");
  const existing = field("When the target has documents", {
    options: [["refuse", "refuse"], ["skip", "leave those that are there"], ["overwrite", "overwrite those with the same ids"], ["mirror", "make it equal: delete what is only there"]],
    value: wanted.existing,
  });
  const leave = field("Documents that the target cannot hold", { options: [["", "stop before anything is written"], ["on", "leave them out, and name them"]], value: wanted.leave_out ? "on" : "" });
  const told = h("div", { role: "alert" });
  const start = (dry) => once(async () => {
    Object.assign(wanted, { to: inputOf(to).value.trim(), collections: inputOf(collections).value, existing: inputOf(existing).value, leave_out: inputOf(leave).value === "on" });
    await run(wanted, dry, told);
  });
  return h("form", { onsubmit: (event) => event.preventDefault() }, to, collections, existing, leave, told,
    h("p.muted", {}, "A dry run shows every document to the target and writes nothing."),
    h("div.actions", {}, button("Dry run", start(true), { kind: "primary", "data-testid": "copy-dry" }), button("Copy", start(false), { "data-testid": "copy-run" })));
}

async function run(wanted, dry, told) {
  const names = wanted.collections.split(/[\s,]+/).filter(Boolean);
  try {
    const job = await begin("copy", { to: wanted.to, collections: names, existing: wanted.existing, leave_out: wanted.leave_out, dry_run: dry });
    change({ copy: 1, job: job.id });
  } catch (error) {
    put(told, h("p.bad", {}, error.message));
  }
}

function stepOfJob(id, wanted, signal) {
  const told = h("div", { role: "alert" });
  return following(id, {
    signal,
    ended: (job) => {
      const dry = job.parameters?.dry_run;
      const well = job.state === "succeeded";
      return [
        well && dry && h("div.warning", { "data-testid": "copy-dry-done" }, job.result?.refused > 0 ? "The target would refuse some documents." : "The target can hold everything. Nothing was written."),
        well && !dry && h("p", { "data-testid": "copy-done" }, badge("equal on both sides", "good"), " Every document was read again in the target and compared. To switch over: stop what writes, copy once more with “overwrite”, and start the service with RECORDS_URL set to the target."),
        told,
        h("div.actions", {},
          wanted.to && (dry ? well : !well) && button(dry ? "Copy now" : "Go on", once(() => run(wanted, false, told)), { kind: "primary", "data-testid": "copy-go" }),
          button("Change the settings", () => change({ job: null }))),
        well && !dry && may("admin") && samplesOf(job),
        resultView(job),
      ];
    },
  });
}
