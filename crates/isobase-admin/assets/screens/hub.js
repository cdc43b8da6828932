// Everything at a glance; each card leads to its screen.

import { h, put } from "../lib/dom.js";
import { bytes, count, counted, timeOf } from "../lib/format.js";
import { Region } from "../lib/ui.js";

/** How often the numbers are asked for again while they can be seen. */
const REFRESH_MS = 15_000;

export function open({ refresh }) {
  const region = new Region();
  const update = () => region.show(async () => view(await refresh()));
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

function view(facts) {
  const { licences, requests, data, accounts, uploads, events, audit } = facts;
  return [
    (facts.warnings ?? []).map((text) => h("div.warning", { "data-testid": "hub-warning" }, text)),
    h("p.muted", {}, `Isobase ${facts.version} on ${facts.engine}, up since `, timeOf(facts.started_at)),
    h("div.cards", {},
      licences && card("licenses", "License management", count(licences.active),
        `active · ${count(licences.expiring)} expire within 30 days · ${count(licences.expired)} expired`),
      requests && card("requests", "API requests", count(requests.count),
        `in 24 hours · ${percent(requests.errors, requests.count)} errors`),
      data && card("data", "Data", count(data.records), `records in ${counted(data.collections, "collection")}`),
      accounts && card("users", "Accounts", count(accounts.count), "people"),
      uploads && card("uploads", "Uploads", count(uploads.count), bytes(uploads.bytes)),
      events && card("realtime", "Events", count(events.streams), "open streams"),
      card("engines", "Engine", facts.engine, facts.ready ? "ready" : "not ready"),
      audit && card("audit", "Audit", audit.last ? audit.last.action : "–", audit.last && timeOf(audit.last.at)),
      card("settings", "Settings", "", "keys and what the service runs with")),
  ];
}

function card(screen, title, number, text) {
  return h("a.card", { href: `/admin/${screen}`, "data-testid": `hub-card-${screen}` },
    h("h2", {}, title), h("strong", {}, number), h("span.muted", {}, text));
}

function percent(part, whole) {
  return whole ? `${((100 * part) / whole).toFixed(1)} %` : "0 %";
}
