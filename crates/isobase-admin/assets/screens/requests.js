// What services were asked: when, by whom, how it ended, how long it took.

import { ask, get, path } from "../lib/api.js";
import { bars } from "../lib/chart.js";
import { debounced, h, put } from "../lib/dom.js";
import { count, duration, parseTime, timeOf } from "../lib/format.js";
import { Region, badge, button, copyButton, download, empty, facts, field, jsonView, once, panel, table } from "../lib/ui.js";
import { change, values } from "../lib/url.js";

const BASE = "/api/v1/db/requests";
const PAGE = 50;
const RANGES = { "15m": 900, "1h": 3_600, "24h": 86_400, "7d": 604_800, "30d": 2_592_000 };
const RANGE_NAMES = { "15m": "15 minutes", "1h": "hour", "24h": "24 hours", "7d": "7 days", "30d": "30 days" };
const NARROW = ["service", "class", "status", "method", "endpoint", "user", "min_ms", "q"];
const LIVE_MS = 2_000;
/** Bars of a chart, and the shortest time of one in seconds. */
const BARS = 96;
const STEP_S = 300;
const SERIES = [
  { name: "2xx", className: "s-ok" },
  { name: "3xx", className: "s-info" },
  { name: "4xx", className: "s-client" },
  { name: "5xx", className: "s-server" },
];

export function open() {
  const chart = new Region("section");
  const page = new Region("section");
  const side = new Region("div");
  const bar = h("div");
  const element = h("div.split", {}, h("div", {}, bar, chart.element, page.element), side.element);
  let live = null;
  let drawn = null;
  const update = () => {
    const { row, cursor, ...asked } = values();
    const key = JSON.stringify(asked);
    // The bar keeps the focus of who types in it; only another range or a chip changes it.
    if (drawn === null || !bar.contains(document.activeElement)) put(bar, filters(toggle, () => live !== null));
    if (key !== drawn) chart.show(drawing);
    drawn = key;
    page.show(listing);
    if (!row) {
      side.stop();
      put(side.element);
      return;
    }
    side.show((signal) => detail(row, signal));
  };
  const toggle = () => {
    if (live) {
      clearInterval(live);
      live = null;
    } else {
      live = setInterval(() => {
        if (!document.hidden && !values().row && !values().cursor) page.show(listing);
      }, LIVE_MS);
    }
    put(bar, filters(toggle, () => live !== null));
  };
  return {
    element,
    update,
    close() {
      clearInterval(live);
      [chart, page, side].forEach((region) => region.stop());
    },
  };
}

/** What the address asks for, as the API has it. */
function asked() {
  const { range = "24h", from, to, ...others } = values();
  const seconds = RANGES[range] ?? RANGES["24h"];
  const narrowed = Object.fromEntries(NARROW.map((name) => [name, others[name]]));
  return {
    from: from ?? new Date(Math.floor(Date.now() / 1_000 - seconds) * 1_000).toISOString(),
    to,
    ...narrowed,
  };
}

function filters(toggle, isLive) {
  const now = values();
  const reset = ["cursor", "row"];
  const set = (name) => debounced(400, (event) => change({ [name]: event.target.value }, { reset, replace: true }));
  const text = (name, label, more = {}) =>
    field(label, { value: now[name] ?? "", oninput: set(name), "data-testid": `req-filter-${name}`, ...more });
  return [
    h("div.filters", {},
      field("Range", {
        options: Object.entries(RANGE_NAMES).map(([value, name]) => [value, `Last ${name}`]),
        value: now.range ?? "24h",
        "data-testid": "req-range",
        onchange: (event) => change({ range: event.target.value }, { reset: [...reset, "from", "to"] }),
      }),
      text("service", "Service"),
      field("Status", {
        options: [["", "Any"], ["2xx", "2xx"], ["3xx", "3xx"], ["4xx", "4xx"], ["5xx", "5xx"]],
        value: now.class ?? "",
        onchange: set("class"),
        "data-testid": "req-filter-class",
      }),
      text("endpoint", "Endpoint"), text("user", "User"),
      text("min_ms", "At least ms", { type: "number", min: 0 }),
      text("q", "Text", { type: "search" })),
    h("div.actions", {},
      button(isLive() ? "Live: on" : "Live: off", toggle, { "aria-pressed": String(isLive()), "data-testid": "req-live" }),
      button("Export CSV", once(async () => {
        const { data } = await ask("GET", `${BASE}/export.csv`, { query: asked(), headers: { accept: "text/csv" } });
        download("requests.csv", "text/csv", data);
      }), { "data-testid": "req-export" }),
      now.from && button("Whole range", () => change({}, { reset: [...reset, "from", "to"] })),
      NARROW.filter((name) => now[name]).map((name) =>
        button(`${name}: ${now[name]} ×`, () => change({ [name]: "" }, { reset }), { title: "Remove this filter" }))),
  ];
}

async function drawing(signal) {
  const { from, to, service, endpoint } = asked();
  const seconds = ((to ? parseTime(to) : new Date()) - parseTime(from)) / 1_000;
  const step = Math.max(1, Math.ceil(seconds / BARS / STEP_S)) * STEP_S;
  const stats = await get(`${BASE}/stats`, { from, to, service, endpoint, step }, { signal });
  if (stats.buckets.length === 0) return null;
  const buckets = everyBucket(stats, step * 1_000);
  return bars({
    title: "Requests by status",
    buckets: buckets.map(({ start, classes }) => ({ label: shortTime(start), values: classes })),
    series: SERIES,
    onpick: (first, last) => change({
      from: buckets[first].start.toISOString(),
      to: new Date(buckets[last].start.getTime() + step * 1_000).toISOString(),
    }, { reset: ["cursor", "row"] }),
  });
}

/** The buckets of the whole range: those in which nothing happened are not told. */
function everyBucket({ buckets, from, to }, ms) {
  const told = new Map(buckets.map((bucket) => [parseTime(bucket.start).getTime(), bucket.classes]));
  const begin = Math.min(...told.keys(), Math.floor(parseTime(from) / ms) * ms);
  const all = [];
  for (let at = begin; at < parseTime(to) && all.length < 2 * BARS; at += ms) {
    all.push({ start: new Date(at), classes: told.get(at) ?? {} });
  }
  return all;
}

function shortTime(time) {
  return time.toISOString().slice(5, 16).replace("T", " ");
}

async function listing(signal) {
  const { cursor, row } = values();
  const page = await get(BASE, { ...asked(), limit: PAGE, cursor }, { signal });
  const { requests, next_cursor: next, total, total_capped: capped, searched_to: searched } = page;
  const told = total !== undefined && total !== null && `${count(total)}${capped ? "+" : ""} requests`;
  const filtered = NARROW.some((name) => values()[name]);
  return [
    requests.length === 0 && !searched && (filtered
      ? empty("No request matches.", button("Clear filters", () => change({}, { reset: [...NARROW, "cursor"] })))
      : empty("No API requests logged in this time. Services send them to POST /api/v1/db/requests.")),
    requests.length > 0 && table("Requests", [
      { title: "Time", cell: (one) => timeOf(one.timestamp) },
      { title: "Service", cell: (one) => one.service },
      { title: "Endpoint", cell: (one) => `${one.method} ${one.endpoint}` },
      { title: "User", cell: (one) => one.user_identifier ?? "–" },
      { title: "Status", cell: (one) => statusBadge(one.status_code) },
      { title: "Duration", cell: (one) => duration(one.duration_ms), className: "number" },
    ], requests, {
      open: (one) => change({ row: one.id }),
      isOpen: (one) => String(one.id) === row,
      testId: (one) => `req-row-${one.id}`,
    }),
    searched && h("div.warning", {}, "Searched back to ", timeOf(searched), requests.length ? ". " : " – no match yet. ",
      next && button("Continue", () => change({ cursor: next }), { "data-testid": "req-continue" })),
    h("div.actions", {},
      h("span.muted", {}, told),
      cursor && button("Newest", () => change({}, { reset: ["cursor"] })),
      next && !searched && button("Older", () => change({ cursor: next }), { "data-testid": "req-older" })),
  ];
}

function statusBadge(status) {
  if (!status) return "–";
  const kind = status < 400 ? "good" : status < 500 ? "warn" : "bad";
  return badge(String(status), kind);
}

async function detail(id, signal) {
  const { request_body: sent, response_body: answered, ...row } = await get(BASE + path(id), {}, { signal });
  const close = () => change({ row: null });
  const body = (title, text) => text !== undefined && text !== null && text !== "" && [h("h3", {}, title), jsonView(pretty(text))];
  const element = panel(`${row.method} ${row.endpoint}`, close,
    h("p", {}, statusBadge(row.status_code), ` ${duration(row.duration_ms)}`),
    facts(Object.entries(row).filter(([name, value]) => value !== null && value !== "" && !["method", "endpoint"].includes(name)).map(([name, value]) =>
      [name.replaceAll("_", " "), name === "timestamp" ? timeOf(value) : typeof value === "object" ? JSON.stringify(value) : String(value)])),
    h("div.actions", {}, copyButton("Copy link", location.href), copyButton("Copy as curl", curl(row, sent))),
    body("Request", sent), body("Response", answered));
  element.dataset.testid = "req-panel";
  return element;
}

function pretty(text) {
  try {
    return typeof text === "string" ? JSON.parse(text) : text;
  } catch {
    return text;
  }
}

/** A command that asks the same; who runs it puts the address and the secrets in. */
function curl({ method, endpoint }, body) {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const data = body ? ` \\\n  -H 'content-type: application/json' -d ${quoted(typeof body === "string" ? body : JSON.stringify(body))}` : "";
  return `curl -X ${method} "$BASE_URL"${quoted(endpoint)} -H "authorization: Bearer $KEY"${data}`;
}
