// Everything at a glance; each card leads to its screen.

import { get } from "../lib/api.js";
import { h, svg } from "../lib/dom.js";
import { bytes, count, counted, duration, parseTime, timeOf } from "../lib/format.js";
import { may } from "../lib/may.js";
import { Region, table } from "../lib/ui.js";

export const PARAMETERS = [];

/** How often the numbers are asked for again while they can be seen. */
const REFRESH_MS = 15_000;
const HOURS = 24;
/** A last good backup that is older is told as a warning. */
const BACKUP_OLD_MS = 48 * 3_600_000;
/** A browser whose clock differs by more is told. */
const SKEW_MS = 120_000;

export function open({ refresh }) {
  const region = new Region();
  const update = () => region.show(async (signal) => {
    const [facts, requests, audit, hooks, licences, streams, files, sql] = await Promise.all([
      refresh(), lastDay(signal), lastActions(signal), webhooks(signal), told("licences:read", "/api/v1/db/license/stats", {}, signal), openStreams(signal),
      told("uploads:read", "/api/v1/uploads/stats", {}, signal), told("sql", "/api/v1/sql/tables", {}, signal),
    ]);
    return view(facts, { requests, audit, hooks, licences, streams, files, sql });
  });
  const timer = setInterval(() => { if (!document.hidden) update(); }, REFRESH_MS);
  return {
    element: region.element,
    update,
    close() {
      clearInterval(timer);
      region.stop();
    },
  };
}

/** What one card tells; nothing for those who may not see it, and while it cannot be had. */
async function told(takes, path, query, signal) {
  if (!may(takes)) return null;
  return get(path, query, { signal, quiet: true }).catch((error) => {
    if (error.name === "AbortError") throw error;
    return null;
  });
}

/** Requests of the last day by the hour. */
const lastDay = (signal) =>
  told("requests:read", "/api/v1/db/requests/stats", { from: new Date(Date.now() - 86_400_000).toISOString(), step: 3_600 }, signal);

const lastActions = async (signal) => (await told("audit:read", "/api/v1/audit", { limit: 5 }, signal))?.entries ?? [];

const webhooks = async (signal) => (await told("webhooks:read", "/api/v1/webhooks", {}, signal))?.webhooks ?? [];

const openStreams = async (signal) => (await told("admin", "/api/v1/connections", {}, signal))?.connections ?? null;

/** The requests of the last day in a few words and a small drawing. */
function requestFacts(stats) {
  if (!stats?.buckets?.length) return ["none in the last 24 hours"];
  const sums = Array.from({ length: HOURS }, () => 0);
  for (const { start, count: number } of stats.buckets) {
    const ago = Math.floor((Date.now() - parseTime(start)) / 3_600_000);
    if (ago >= 0 && ago < HOURS) sums[HOURS - 1 - ago] += number;
  }
  const { whole } = stats;
  const share = whole.count ? ((whole.classes["5xx"] ?? 0) / whole.count) * 100 : 0;
  return [`${counted(whole.count, "request")} in 24 hours, ${share.toFixed(share < 10 ? 1 : 0)} % failed, 95 % within ${duration(whole.p95_ms)}${whole.dropped > 0 ? `, ${counted(whole.dropped, "report")} dropped` : ""}`, spark(sums)];
}

function licenceFacts({ states, ending_soon: soon, activations = [], complete }) {
  const came = activations.reduce((sum, number) => sum + number, 0);
  const some = Object.entries(states).filter(([state]) => state !== "deleted");
  return [
    some.length > 0 && `${complete ? ": " : ", of which were counted: "}${some.map(([state, number]) => `${count(number)} ${state.replace("_", " ")}`).join(", ")}`,
    soon > 0 && `; ${counted(soon, "ends", "end")} within 30 days`,
    came > 0 && [`; ${counted(came, "activation")} in 30 days`, spark(activations)],
  ];
}

/** The tables of the owner's own database. */
function tableFacts(sql) {
  if (!sql) return ["the database does not answer"];
  const size = sql.tables.reduce((sum, one) => sum + (one.bytes ?? 0), 0);
  return [sql.tables.length === 1 ? "table" : "tables and views", size > 0 && `, ${bytes(size)}`];
}

/** The shape of some numbers, for those who see; the text beside it tells the sum. */
function spark(numbers) {
  const top = Math.max(1, ...numbers);
  const width = 120 / Math.max(1, numbers.length);
  return svg("svg", { viewBox: "0 0 120 24", width: 120, height: 24, "aria-hidden": "true" }, numbers.map((one, index) =>
    svg("rect.s-info", { x: index * width, width: Math.max(1, width - 1), y: 24 - (one / top) * 24, height: (one / top) * 24 })));
}

function warningsOf(facts, hooks) {
  const failing = hooks.filter((hook) => hook.failing_since && !hook.disabled).length;
  const last = facts.backups.last_good_at;
  const old = last && Date.now() - parseTime(last) > BACKUP_OLD_MS;
  const skew = Date.now() - parseTime(facts.now);
  return [
    ...facts.warnings,
    Math.abs(skew) > SKEW_MS && `The clock of this browser is ${duration(Math.abs(skew))} ${skew > 0 ? "ahead of" : "behind"} that of the service: codes of a second factor may not fit.`,
    failing > 0 && `${counted(failing, "webhook does", "webhooks do")} not take what they are told.`,
    old && "The last good backup is older than two days.",
  ].filter(Boolean);
}

function view(facts, { requests, audit, hooks, licences, streams, files, sql }) {
  const { data, system } = facts;
  const kept = (name) => count(system[name] ?? 0);
  return [
    warningsOf(facts, hooks).map((text) => h("div.warning", { "data-testid": "hub-warning" }, text)),
    h("p.muted", {}, `Isobase ${facts.version} on ${facts.engine}, up since `, timeOf(facts.started_at),
      facts.disks.map(({ purpose, free, total }) => h("span", { "data-testid": `hub-disk-${purpose}` }, ` · ${purpose}: ${bytes(free)} of ${bytes(total)} free`))),
    h("div.cards", {},
      card("licenses", "License management", kept("licences"), "licences", licences && licenceFacts(licences)),
      card("requests", "API requests", kept("requests"), requestFacts(requests)),
      card("data", "Data", count(data.records), `records in ${counted(data.collections, "collection")}`),
      may("sql") && card("sql", "SQL", sql ? count(sql.tables.length) : "–", ...tableFacts(sql)),
      card("users", "Accounts", kept("accounts"), "people who may sign in"),
      card("uploads", "Uploads", kept("uploads"), files ? `files, ${files.complete ? "" : "more than "}${bytes(files.bytes)}` : "files"),
      card("realtime", "Events", streams ? count(streams.length) : "", streams ? `${streams.length === 1 ? "stream is" : "streams are"} open now` : "what happens, as it happens"),
      card("engines", "Engine", facts.engine, facts.ready ? "ready" : "not ready"),
      card("backups", "Backups", count(facts.backups.count), "last good one: ", timeOf(facts.backups.last_good_at)),
      card("jobs", "Jobs", count(facts.jobs_open), "run or wait now", facts.jobs_failed > 0 && `; ${count(facts.jobs_failed)} failed within a day`),
      card("webhooks", "Webhooks", kept("webhooks"), `${counted(system.deliveries ?? 0, "delivery", "deliveries")} remembered`),
      card("audit", "Audit", kept("audit"), "entries"),
      card("settings", "Settings", "", `keys of services: ${kept("keys")}`)),
    audit.length > 0 && h("section", {}, h("h2", {}, "Last actions"), table("Last actions", [
      { title: "Time", cell: (one) => timeOf(one.at) },
      { title: "Who", cell: (one) => one.actor },
      { title: "What", cell: (one) => h("a", { href: `/admin/audit?id=${encodeURIComponent(one.id)}` }, one.action) },
      { title: "On", cell: (one) => `${one.object_type ?? ""} ${one.object_id ?? ""}` },
    ], audit)),
  ];
}

const TAKES = {
  licenses: "licences:read", requests: "requests:read", data: "read", users: "accounts:read", uploads: "uploads:read",
  realtime: "read", backups: "operations:read", jobs: "operations:read", webhooks: "webhooks:read", audit: "audit:read",
};

function card(screen, title, number, ...text) {
  if (TAKES[screen] && !may(TAKES[screen])) return null;
  return h("a.card", { href: `/admin/${screen}`, "data-testid": `hub-card-${screen}` },
    h("h2", {}, title), h("strong", {}, number), h("span.muted", {}, text));
}
