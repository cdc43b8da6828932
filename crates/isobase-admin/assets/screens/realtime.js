// What happens in the collections, as it happens.

import { get } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { count, timeOf } from "../lib/format.js";
import { badge, button, empty, facts, failure, field, table } from "../lib/ui.js";
import { change, values } from "../lib/url.js";

const SHOWN_MAX = 200;
/** Seconds that the service may hold a question back while nothing happens. */
const WAIT_S = 20;
const RETRY_MS = 3_000;

export function open() {
  const list = h("div", {}, empty("Nothing has happened since this page was opened."));
  const numbers = h("div");
  const told = h("div");
  let seen = [];
  let missed = 0;
  let paused = false;
  let stopped = false;
  let asked = new AbortController();
  const pause = button("Pause", () => {
    paused = !paused;
    pause.textContent = paused ? "Go on" : "Pause";
    if (!paused) draw();
  });
  const only = field("Collection", {
    value: values().collection ?? "",
    onchange: (event) => {
      change({ collection: event.target.value }, { replace: true });
      asked.abort();
    },
  });
  const draw = () => put(list,
    missed > 0 && h("div.warning", {}, `${count(missed)} older changes are no longer shown.`),
    table("Changes", [
      { title: "Time", cell: (row) => timeOf(row.at) },
      { title: "What", cell: (row) => badge(row.kind, { created: "good", deleted: "bad" }[row.kind] ?? "warn") },
      { title: "Collection", cell: (row) => row.collection },
      { title: "Document", cell: (row) => h("a", { href: address(row) }, String(row.id ?? "–")) },
    ], seen));
  const element = h("div", {},
    h("div.filters", {}, only, pause, button("Clear", () => { seen = []; missed = 0; put(list); })),
    numbers, told, list);

  async function follow() {
    let since = "now";
    while (!stopped) {
      asked = new AbortController();
      try {
        const { collection } = values();
        const feed = collection ? `/records/${encodeURIComponent(collection)}/changes` : "/changes";
        const page = await get(feed, { since, limit: 100, wait: since === "now" ? "" : WAIT_S }, { signal: asked.signal });
        put(told);
        since = page.next;
        if (page.changes.length === 0) continue;
        seen = [...page.changes.reverse(), ...seen];
        missed += Math.max(0, seen.length - SHOWN_MAX);
        seen = seen.slice(0, SHOWN_MAX);
        if (!paused) draw();
      } catch (error) {
        if (stopped) return;
        if (error.name === "AbortError") {
          since = "now";
          continue;
        }
        if (error.status === 410) since = "now";
        put(told, failure(error));
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  async function measure() {
    const text = await get("/metrics", {}, { headers: { accept: "text/plain" } }).catch(() => "");
    const number = (name) => {
      const line = String(text).split("\n").find((one) => one.startsWith(`${name} `) || one.startsWith(`${name}{`));
      return line && count(Number(line.split(" ").at(-1)));
    };
    put(numbers, facts([
      ["Connections", number("isobase_http_connections")],
      ["Requests under way", number("isobase_http_requests_in_flight")],
    ]));
  }

  follow();
  measure();
  const timer = setInterval(() => { if (!document.hidden) measure(); }, 5_000);
  return {
    element,
    close() {
      stopped = true;
      asked.abort();
      clearInterval(timer);
    },
  };
}

function address({ collection, id }) {
  return `/admin/data/${encodeURIComponent(collection)}?id=${encodeURIComponent(JSON.stringify(id))}`;
}
