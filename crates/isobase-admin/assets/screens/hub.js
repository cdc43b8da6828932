// Everything at a glance; each card leads to its screen.

import { get } from "../lib/api.js";
import { h, svg } from "../lib/dom.js";
import { count, counted, parseTime, timeOf } from "../lib/format.js";
import { may } from "../lib/may.js";
import { Region, table } from "../lib/ui.js";

/** How often the numbers are asked for again while they can be seen. */
const REFRESH_MS = 15_000;
const HOURS = 24;

export function open({ refresh }) {
  const region = new Region();
  const update = () => region.show(async (signal) => {
    const [facts, requests, audit, hooks] = await Promise.all([refresh(), lastDay(signal), lastActions(signal), webhooks(signal)]);
    return view(facts, requests, audit, hooks);
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

/** Requests of the last day by the hour; none for those who may not see them, and while they cannot be had. */
async function lastDay(signal) {
  if (!may("requests:read")) return null;
  const from = new Date(Date.now() - 86_400_000).toISOString();
  return get("/api/v1/db/requests/stats", { from, step: 3_600 }, { signal, quiet: true }).catch(() => null);
}

async function lastActions(signal) {
  if (!may("audit:read")) return [];
  return get("/api/v1/audit", { limit: 5 }, { signal, quiet: true }).then(({ entries }) => entries, () => []);
}

async function webhooks(signal) {
  if (!may("webhooks:read")) return [];
  return get("/api/v1/webhooks", {}, { signal, quiet: true }).then((answer) => answer.webhooks, () => []);
}

/** The requests of the last day in a few words and a small drawing. */
function requestFacts(stats) {
  if (!stats?.buckets?.length) return ["none in the last 24 hours"];
  const sums = Array.from({ length: HOURS }, () => 0);
  for (const { start, classes } of stats.buckets) {
    const ago = Math.floor((Date.now() - parseTime(start)) / 3_600_000);
    if (ago >= 0 && ago < HOURS) sums[HOURS - 1 - ago] += Object.values(classes).reduce((sum, one) => sum + one, 0);
  }
  const total = sums.reduce((sum, one) => sum + one, 0);
  const failed = stats.buckets.reduce((sum, { classes }) => sum + (classes["5xx"] ?? 0), 0);
  const share = total ? (failed / total) * 100 : 0;
  return [`${counted(total, "request")} in 24 hours, ${share.toFixed(share < 10 ? 1 : 0)} % failed`, spark(sums)];
}

/** The shape of some numbers, for those who see; the text beside it tells the sum. */
function spark(numbers) {
  const top = Math.max(1, ...numbers);
  const width = 120 / Math.max(1, numbers.length);
  return svg("svg", { viewBox: "0 0 120 24", width: 120, height: 24, "aria-hidden": "true" }, numbers.map((one, index) =>
    svg("rect.s-info", { x: index * width, width: Math.max(1, width - 1), y: 24 - (one / top) * 24, height: (one / top) * 24 })));
}

function view(facts, requests, audit, hooks) {
  const failing = hooks.filter((hook) => hook.failing_since && !hook.disabled).length;
  const { data, system } = facts;
  const kept = (name) => count(system[name] ?? 0);
  return [
    [...facts.warnings, failing > 0 && `${counted(failing, "webhook does", "webhooks do")} not take what they are told.`].filter(Boolean)
      .map((text) => h("div.warning", { "data-testid": "hub-warning" }, text)),
    h("p.muted", {}, `Isobase ${facts.version} on ${facts.engine}, up since `, timeOf(facts.started_at)),
    h("div.cards", {},
      card("licenses", "License management", kept("licences"), `licences of ${counted(system.installations ?? 0, "e-mail")}`),
      card("requests", "API requests", kept("requests"), requestFacts(requests)),
      card("data", "Data", count(data.records), `records in ${counted(data.collections, "collection")}`),
      card("users", "Accounts", kept("accounts"), "people who may sign in"),
      card("uploads", "Uploads", kept("uploads"), "files"),
      card("realtime", "Events", "", "what happens, as it happens"),
      card("engines", "Engine", facts.engine, facts.ready ? "ready" : "not ready"),
      card("backups", "Backups", count(facts.backups.count), "last good one: ", timeOf(facts.backups.last_good_at)),
      card("jobs", "Jobs", count(facts.jobs_open), "run or wait now"),
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
