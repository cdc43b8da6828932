// Changes of all collections as they happen, and who listens to them.

import { ask, get, path, post } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { bytes, count, counted, duration, timeOf } from "../lib/format.js";
import { may } from "../lib/may.js";
import { Region, badge, button, confirm, dialog, empty, facts, failure, field, form, inputOf, jsonView, once, panel, table, tabs, toast } from "../lib/ui.js";
import { change, values } from "../lib/url.js";

export const PARAMETERS = ["view", "collection", "kind", "text", "change"];

const SHOWN_MAX = 200;
/** Changes that are drawn a second; of more only their number is told. */
const DRAWN_A_SECOND = 20;
const WAIT_S = 25;
const RETRY_MS = 3_000;
const LOOKS_MS = 3_000;
const CONNECTIONS = "/api/v1/connections";

export function open() {
  const numbers = h("div", { "aria-live": "off" });
  const side = h("div");
  const place = h("div");
  const element = h("div.split", {}, h("div", {}, numbers, place), side);
  const streams = may("admin") ? openStreams() : null;
  const changes = followChanges(side);
  let drawn = null;
  const update = () => {
    const { view = "changes" } = values();
    changes.update();
    if (drawn === view) return;
    drawn = view;
    put(place, tabs([
      ["changes", "Changes", () => changes.element],
      streams && ["connections", "Open connections", () => streams.element],
    ].filter(Boolean), { now: view, choose: (name) => change({ view: name === "changes" ? null : name }), label: "What is shown" }));
  };
  const metrics = () => measure(numbers, streams);
  drawNumbers(numbers, null, () => null, Boolean(streams));
  metrics();
  const timer = setInterval(() => { if (!document.hidden) metrics(); }, LOOKS_MS);
  return {
    element,
    update,
    close() {
      clearInterval(timer);
      changes.close();
      streams?.region.stop();
    },
  };
}

async function measure(place, streams) {
  const text = await get("/metrics", {}, { headers: { accept: "text/plain" } }).catch(() => "");
  const number = (name) => {
    const line = String(text).split("\n").find((one) => one.startsWith(`${name} `) || one.startsWith(`${name}{`));
    return line && count(Number(line.split(" ").at(-1)));
  };
  drawNumbers(place, await streams?.look(), number, Boolean(streams));
}

/** The numbers; dashes before they are there, so that nothing moves when they come. */
function drawNumbers(place, told, number, withStreams) {
  put(place, facts([
    ["Connections", number("isobase_http_connections")],
    ["Requests under way", number("isobase_http_requests_in_flight")],
    withStreams && ["Open streams", told ? count(told.open) : "–"],
    withStreams && ["Sent a second", !told || told.rate === null ? "–" : `${counted(Math.round(told.rate.events), "event")}, ${bytes(Math.round(told.rate.bytes))}`],
    withStreams && ["Slowest reader", !told ? "–" : told.slowest > 0 ? `${duration(told.slowest)} behind` : "all are up to date"],
  ].filter(Boolean)));
}

/** The streams of this process, and how much they are sent. */
function openStreams() {
  const region = new Region("section");
  let former = null;
  const look = async () => {
    let answer;
    await region.show(async (signal) => {
      answer = await get(CONNECTIONS, {}, { signal });
      return listing(answer.connections, look);
    });
    if (!answer) return null;
    const now = performance.now();
    const known = new Map(answer.connections.map((one) => [one.id, one]));
    const sum = (name) => answer.connections.reduce((all, one) => all + one[name] - (former?.known.get(one.id)?.[name] ?? 0), 0);
    const seconds = former && (now - former.now) / 1_000;
    const rate = seconds ? { events: sum("sent_events") / seconds, bytes: sum("sent_bytes") / seconds } : null;
    former = { now, known };
    return { open: answer.connections.length, rate, slowest: Math.max(0, ...answer.connections.map((one) => one.lag_ms ?? 0)) };
  };
  return { element: region.element, region, look };
}

function listing(connections, again) {
  if (connections.length === 0) return empty("Nobody listens now. Streams of /api/events and of the request log appear here.");
  return [
    h("p.muted", {}, "Of the process that answers; with several nodes each has its own."),
    table("Open connections", [
      { title: "Who", cell: (one) => (one.name ? `${one.name} (${one.principal})` : one.principal) },
      { title: "Address", cell: (one) => h("span", { title: one.agent }, one.address) },
      { title: "Stream", cell: (one) => (one.kind === "requests" ? "request log" : "events") },
      { title: "Topics", cell: (one) => one.topics.join(", ") || "all" },
      { title: "Since", cell: (one) => timeOf(one.since) },
      { title: "Sent", cell: (one) => `${counted(one.sent_events, "event")}, ${bytes(one.sent_bytes)}`, className: "number" },
      { title: "Waiting", cell: (one) => (one.waiting_events === null ? "–" : count(one.waiting_events)), className: "number" },
      { title: "Lag", cell: (one) => (one.lag_ms === null ? "–" : one.lag_ms > 0 ? badge(duration(one.lag_ms), one.lag_ms > 5_000 ? "bad" : "warn") : "none") },
      {
        title: "",
        cell: (one) => button("Disconnect", once(async () => {
          const sure = await confirm({
            title: `Disconnect ${one.name ?? one.principal}`,
            text: "The stream ends now. A client that comes back by itself is let in as long as its session or key is: end that to keep it out.",
            action: "Disconnect",
          });
          if (!sure) return;
          await ask("DELETE", CONNECTIONS + path(String(one.id)));
          toast("Disconnected");
          again();
        }), { kind: "danger", "aria-label": `Disconnect ${one.name ?? one.principal}, stream ${one.id}` }),
      },
    ], connections, { testId: (one) => `connection-row-${one.id}` }),
    h("h2", {}, "Topics"),
    table("Topics", [
      { title: "Topic", cell: ([name]) => (name === "request log" ? h("a", { href: "/admin/requests?live=1" }, name) : h("a", { href: `/admin/realtime?collection=${encodeURIComponent(name)}` }, name)) },
      { title: "Listeners", cell: ([, listeners]) => count(listeners), className: "number" },
    ], topicsOf(connections)),
  ];
}

/** How many listen to each topic, the most first; filters apart. */
function topicsOf(connections) {
  const listeners = new Map();
  for (const { kind, topics } of connections) {
    const names = kind === "requests" ? ["request log"] : topics.map((topic) => topic.split("?")[0]);
    for (const name of new Set(names)) listeners.set(name, (listeners.get(name) ?? 0) + 1);
  }
  return [...listeners].sort(([, one], [, other]) => other - one);
}

/** What happens, from now on. */
function followChanges(side) {
  const list = h("div");
  const told = h("div");
  let [seen, missed, paused, stopped, started] = [[], 0, false, false, false];
  let asked = new AbortController();
  let feed = null;
  let budget = { second: 0, left: DRAWN_A_SECOND, passed: 0 };
  const pause = button("Pause", () => {
    paused = !paused;
    pause.textContent = paused ? "Go on" : "Pause";
    if (!paused) draw();
  });
  const now = values();
  const narrowed = (name, label) => field(label, {
    value: now[name] ?? "",
    onchange: (event) => change({ [name]: event.target.value }, { replace: true }),
  });
  const kinds = field("What", {
    options: [["", "all"], ["created", "created"], ["updated", "updated"], ["deleted", "deleted"]],
    value: now.kind ?? "",
    onchange: (event) => change({ kind: event.target.value }, { replace: true }),
  });
  const element = h("div", {},
    h("div.filters", {}, narrowed("collection", "Collection"), kinds, narrowed("text", "Text in the document"), pause,
      button("Clear", () => { [seen, missed] = [[], 0]; draw(); }),
      may("write") && button("Test…", once(publish), { "data-testid": "live-test" })),
    told, list);
  const matches = (one) => {
    const { kind, text } = values();
    return (!kind || one.kind === kind) && (!text || JSON.stringify(one).toLowerCase().includes(text.toLowerCase()));
  };
  const draw = () => {
    const shown = seen.filter(matches);
    put(list,
      budget.passed > 0 && h("p.muted", { role: "status" }, `Too much happens to be shown: ${count(DRAWN_A_SECOND)} of ${count(DRAWN_A_SECOND + budget.passed)} changes of a second.`),
      missed > 0 && h("p.muted", {}, `${count(missed)} changes are not shown.`),
      shown.length === 0
        ? empty(seen.length > 0 ? "No change of these matches." : "Nothing has happened since this screen was opened. Changes appear here at once.")
        : table("Changes", [
          { title: "Time", cell: (row) => timeOf(row.at) },
          { title: "What", cell: (row) => badge(row.kind.replace("_", " "), { created: "good", deleted: "bad", collection_deleted: "bad" }[row.kind] ?? "warn") },
          { title: "Collection", cell: (row) => row.collection },
          { title: "Document", cell: (row) => (row.id === null ? "–" : h("a", { href: address(row) }, String(row.id))) },
        ], shown, { open: (row) => change({ change: row.place }), isOpen: (row) => row.place === values().change }));
  };
  const drawSide = () => {
    const { change: place } = values();
    const one = seen.find((row) => row.place === place);
    put(side, one && panel(`${one.collection} ${one.id ?? ""}`, () => change({ change: null }),
      facts([["What", one.kind.replace("_", " ")], ["When", timeOf(one.at)], ["Revision", one.revision]]),
      one.body ? jsonView(one.body) : h("p.muted", {}, one.body_omitted ? "What the document was is not kept for this collection (changes.bodies_of)." : "Nothing is left of it."),
      one.id !== null && h("p", {}, h("a", { href: address(one) }, "To the document"))));
  };
  const take = (changes) => {
    const second = Math.floor(Date.now() / 1_000);
    if (budget.second !== second) budget = { second, left: DRAWN_A_SECOND, passed: 0 };
    const shown = changes.filter(matches);
    const kept = shown.slice(-budget.left || shown.length);
    const fit = budget.left > 0 ? kept : [];
    budget.left -= fit.length;
    budget.passed += shown.length - fit.length;
    missed += shown.length - fit.length;
    seen = [...fit.reverse(), ...seen];
    missed += Math.max(0, seen.length - SHOWN_MAX);
    seen = seen.slice(0, SHOWN_MAX);
  };
  async function run() {
    let since = "now";
    while (!stopped) {
      asked = new AbortController();
      try {
        const { collection } = values();
        feed = collection ?? "";
        const at = collection ? `/records/${encodeURIComponent(collection)}/changes` : "/changes";
        const page = await get(at, { since, limit: 100, include: "body", wait: since === "now" ? "" : WAIT_S }, { signal: asked.signal });
        put(told);
        since = page.next;
        if (page.changes.length === 0) continue;
        take(page.changes);
        if (!paused) draw();
      } catch (error) {
        if (stopped) return;
        if (error.name === "AbortError") {
          since = "now";
          continue;
        }
        if (error.status === 410) since = "now";
        put(told, failure(error));
        await new Promise((resolve) => { setTimeout(resolve, RETRY_MS); });
      }
    }
  }
  return {
    element,
    update() {
      if (!started) {
        started = true;
        run();
      } else if (feed !== (values().collection ?? "")) asked.abort();
      draw();
      drawSide();
    },
    close() {
      stopped = true;
      asked.abort();
    },
  };
}

/** A document that those who listen hear of, and that is deleted again. */
function publish() {
  return dialog("Test what listeners hear", (close) => {
    const name = field("Collection", { required: true, autocomplete: "off", value: values().collection ?? "" }, "A document is created in it and deleted again: two changes, and events if the collection makes some.");
    const box = field("JSON", { tag: "textarea", spellcheck: "false", value: "{\n  \"test\": true\n}" });
    return form([name, box], "Send", async () => {
      const at = `/records${path(inputOf(name).value.trim())}`;
      const made = await post(at, JSON.parse(inputOf(box).value));
      await ask("DELETE", at + path(String(made.id)));
      close(true);
      toast("Created and deleted");
    }, close);
  });
}

function address({ collection, id }) {
  return `/admin/data/${encodeURIComponent(collection)}?id=${encodeURIComponent(JSON.stringify(id))}`;
}
