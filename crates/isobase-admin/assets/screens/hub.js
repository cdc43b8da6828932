// Everything at a glance; each card leads to its screen.

import { h } from "../lib/dom.js";
import { count, counted, timeOf } from "../lib/format.js";
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
  const { data, system } = facts;
  const kept = (name) => count(system[name] ?? 0);
  return [
    facts.warnings.map((text) => h("div.warning", { "data-testid": "hub-warning" }, text)),
    h("p.muted", {}, `Isobase ${facts.version} on ${facts.engine}, up since `, timeOf(facts.started_at)),
    h("div.cards", {},
      card("licenses", "License management", kept("licences"), `licences of ${counted(system.installations ?? 0, "e-mail")}`),
      card("requests", "API requests", kept("requests"), "requests in the log"),
      card("data", "Data", count(data.records), `records in ${counted(data.collections, "collection")}`),
      card("users", "Accounts", kept("accounts"), "people who may sign in"),
      card("uploads", "Uploads", kept("uploads"), "files"),
      card("realtime", "Events", "", "what happens, as it happens"),
      card("engines", "Engine", facts.engine, facts.ready ? "ready" : "not ready"),
      card("audit", "Audit", kept("audit"), "entries"),
      card("settings", "Settings", "", `keys of services: ${kept("keys")}`)),
  ];
}

function card(screen, title, number, text) {
  return h("a.card", { href: `/admin/${screen}`, "data-testid": `hub-card-${screen}` },
    h("h2", {}, title), h("strong", {}, number), h("span.muted", {}, text));
}
