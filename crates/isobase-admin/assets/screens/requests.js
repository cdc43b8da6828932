// What services were asked: when, by whom, how it ended, how long it took.

import { ApiError, ask, get, post } from "../lib/api.js";
import { chart } from "../lib/chart.js";
import { chosen, columnsButton } from "../lib/columns.js";
import { debounced, h, put } from "../lib/dom.js";
import { follow } from "../lib/follow.js";
import { count, counted, duration, parseTime, timeOf } from "../lib/format.js";
import { may } from "../lib/may.js";
import { Region, badge, button, dialog, download, empty, failure, field, inputOf, once, table, tabs } from "../lib/ui.js";
import { change, values } from "../lib/url.js";
import { viewsButton } from "../lib/views.js";
import { BASE, flagsOf, requestPanel, statusBadge } from "./request.js";

const PAGE = 50;
const RANGES = { "15m": 900, "1h": 3_600, "24h": 86_400, "7d": 604_800, "30d": 2_592_000 };
const RANGE_NAMES = { "15m": "15 minutes", "1h": "hour", "24h": "24 hours", "7d": "7 days", "30d": "30 days" };
/** Filters by their names in the API and as people read them. */
const FILTERS = [
  ["service", "Service"], ["method", "Method"], ["endpoint", "Endpoint"], ["user", "User"], ["status", "Code", { inputmode: "numeric" }],
  ["model", "Model"], ["key_id", "Key"], ["correlation_id", "Correlation id"], ["min_ms", "At least ms", { type: "number", min: 0 }], ["max_ms", "At most ms", { type: "number", min: 0 }],
];
const NARROW = [...FILTERS.map(([name]) => name), "class", "has_error", "q"];
/** The service that this one logs its own requests as. */
const OWN = "isobase";

/** What is hidden unless the address shows it: the words of the API, and of people. */
const HIDDEN = [["health", "Hide health checks"], ["own", "Hide requests of this service"]];

export const PARAMETERS = ["range", "from", "to", ...NARROW, "show", "cursor", "row", "part", "compare", "chart", "live", "columns"];

/** Bars of a chart, and the shortest time of one in seconds. */
const BARS = 96;
const STEP_S = 300;
/** Rows that a live table keeps; how often it is drawn; how far from the top is still at the top. */
const [LIVE_ROWS, LIVE_DRAW_MS, AT_TOP_PX] = [200, 300, 120];

const CLASSES = [
  { name: "2xx", className: "s-ok" }, { name: "3xx", className: "s-info" },
  { name: "4xx", className: "s-client" }, { name: "5xx", className: "s-server" },
];
const QUANTILES = [
  { name: "p50", className: "l-50" }, { name: "p95", className: "l-95" }, { name: "p99", className: "l-99" },
];

/** Which facet suggests values of a filter. */
const SUGGESTED = { service: "services", method: "methods", endpoint: "endpoints", user: "users", status: "statuses", model: "models" };

export function open() {
  const graph = new Region("section.chart-place");
  const page = new Region("section");
  const side = new Region("div");
  const suggestions = suggesting();
  // No one is asked before somebody looks for a filter.
  const bar = h("div", { onfocusin: suggestions.load });
  const element = h("div.split", {}, h("div", {}, bar, suggestions.element, graph.element, page.element), side.element);
  const live = liveRows(page);
  let drawn = null;
  const update = () => {
    const { row, cursor, part, compare, columns, live: isLive, ...rest } = values();
    const key = JSON.stringify(rest);
    // The bar keeps the focus of who types in it; only another range or a chip changes it.
    if (drawn === null || !bar.contains(document.activeElement)) put(bar, filters(refresh));
    if (key !== drawn) {
      graph.show(drawing);
      suggestions.forget();
    }
    drawn = key;
    if (isLive && !cursor) live.start();
    else {
      live.stop();
      page.show(async (signal) => listing(await load(signal)));
    }
    if (row) side.show((signal) => requestPanel(row, signal));
    else side.set();
  };
  const refresh = () => { drawn = null; update(); };
  return {
    element,
    update,
    close() {
      live.stop();
      suggestions.forget();
      [graph, page, side].forEach((region) => region.stop());
    },
  };
}

/** What the address asks for, as the API has it. */
function asked() {
  const { range = "24h", from, to, show = "", ...others } = values();
  const seconds = RANGES[range] ?? RANGES["24h"];
  const narrowed = Object.fromEntries(NARROW.map((name) => [name, others[name]]));
  return {
    from: from ?? new Date(Math.floor(Date.now() / 1_000 - seconds) * 1_000).toISOString(),
    to,
    ...narrowed,
    hide: hidden(show, others).join(","),
  };
}

/** Who asks for an endpoint, or for the requests of this service, sees them. */
function hidden(show, { endpoint, service }) {
  const shown = new Set([...show.split(","), endpoint && "health", service === OWN && "own"]);
  return HIDDEN.map(([word]) => word).filter((word) => !shown.has(word));
}

/** Switches that are on unless the address says otherwise. */
function hidingSwitches() {
  const now = values();
  const hides = hidden(now.show ?? "", now);
  const shown = new Set((now.show ?? "").split(",").filter(Boolean));
  return HIDDEN.map(([word, label]) => h("div.check", {}, h("label", {}, h("input", {
    type: "checkbox",
    checked: hides.includes(word),
    "data-testid": `req-hide-${word}`,
    onchange: (event) => {
      if (event.target.checked) shown.delete(word);
      else shown.add(word);
      change({ show: [...shown].join(",") }, { reset: ["cursor", "row"] });
    },
  }), label)));
}

function load(signal) {
  return get(BASE, { ...asked(), limit: PAGE, cursor: values().cursor }, { signal });
}

function filters(refresh) {
  const now = values();
  const reset = ["cursor", "row"];
  const set = (name) => debounced(400, (event) => change({ [name]: event.target.value }, { reset, replace: true }));
  const text = ([name, label, more = {}]) =>
    field(label, { value: now[name] ?? "", oninput: set(name), "data-testid": `req-filter-${name}`, list: SUGGESTED[name] && `facet-${name}`, ...more });
  const [service, method, endpoint, user, code, ...rare] = FILTERS;
  const unchosen = Object.entries(RANGE_NAMES).map(([value, name]) => [value, `Last ${name}`]);
  const isRare = now.has_error || rare.some(([name]) => now[name]);
  return [
    h("div.filters", {},
      field("Range", {
        options: now.from || now.to ? [["own", "Own range"], ...unchosen] : [...unchosen, ["own", "Own range…"]],
        value: now.from || now.to ? "own" : now.range ?? "24h",
        "data-testid": "req-range",
        onchange: (event) => (event.target.value === "own" ? ownRange() : change({ range: event.target.value }, { reset: [...reset, "from", "to"] })),
      }),
      text(service),
      field("Status", {
        options: [["", "Any"], ["2xx", "2xx"], ["3xx", "3xx"], ["4xx", "4xx"], ["5xx", "5xx"], ["none", "none"]],
        value: now.class ?? "",
        onchange: set("class"),
        "data-testid": "req-filter-class",
      }),
      text(endpoint), text(user), text(["q", "Text", { type: "search" }])),
    h("details", { open: isRare }, h("summary", {}, "More filters"), h("div.filters", {}, text(method), text(code),
      field("Error", { options: [["", "Any"], ["true", "with an error"], ["false", "without"]], value: now.has_error ?? "", onchange: set("has_error") }),
      rare.map(text))),
    h("div.actions", {},
      button(now.live ? "Live: on" : "Live: off", () => change({ live: now.live ? null : 1 }, { reset: ["cursor"] }), { "aria-pressed": String(Boolean(now.live)), "data-testid": "req-live" }),
      button("Refresh", refresh),
      button(now.service === OWN ? "Requests of all services" : "Own requests", () => change({ service: now.service === OWN ? null : OWN }, { reset }), { "data-testid": "req-own" }),
      button("Export…", once(takeOut), { "data-testid": "req-export" }),
      hidingSwitches(), columnsButton(columns()), viewsButton(), button("Redaction…", once(redaction)),
      may("admin") && h("a", { href: "/admin/settings?find=requests" }, "How the log is kept"),
      (now.from || now.to) && button("Whole range", () => change({}, { reset: [...reset, "from", "to"] })),
      NARROW.filter((name) => now[name]).map((name) =>
        button(`${name}: ${now[name]} ×`, () => change({ [name]: "" }, { reset }), { title: "Remove this filter" }))),
  ];
}

/** What the fields of entries have in the range and under the other filters, to choose from. */
function suggesting() {
  const lists = Object.fromEntries(Object.keys(SUGGESTED).map((name) => [name, h("datalist", { id: `facet-${name}` })]));
  let asking = null;
  const load = async () => {
    if (asking) return;
    asking = new AbortController();
    const { signal } = asking;
    const wanted = asked();
    const common = get(`${BASE}/facets`, wanted, { signal, quiet: true });
    common.catch(() => {});
    const all = Object.entries(SUGGESTED).map(async ([name, facet]) => {
      // A filter suggests what else there is; those that are not set share one answer.
      if (!wanted[name]) return [name, (await common)[facet]];
      return [name, (await get(`${BASE}/facets`, { ...wanted, [name]: "" }, { signal, quiet: true }))[facet]];
    });
    for (const one of all) {
      one.then(([name, values_]) => put(lists[name], values_.map(({ value, count: times }) => h("option", { value, label: times > 0 ? `${value} (${count(times)})` : value }))))
        .catch(() => {});
    }
  };
  return {
    element: h("div", { hidden: true }, Object.values(lists)),
    load,
    forget() {
      asking?.abort();
      asking = null;
    },
  };
}

function ownRange() {
  const { from, to } = asked();
  const local = (text) => (text ? new Date(parseTime(text).getTime() - new Date().getTimezoneOffset() * 60_000).toISOString().slice(0, 16) : "");
  return dialog("Own range", (close) => {
    const first = field("From (your time)", { type: "datetime-local", required: true, value: local(from) });
    const last = field("To (empty: now)", { type: "datetime-local", value: local(to) });
    return h("form", {
      onsubmit: (event) => {
        event.preventDefault();
        const moment = (input) => (input.value ? new Date(input.value).toISOString() : null);
        close(true);
        change({ from: moment(inputOf(first)), to: moment(inputOf(last)) }, { reset: ["range", "cursor", "row"] });
      },
    }, first, last, h("div.actions", {}, button("Cancel", () => close(false)), h("button.primary", { type: "submit" }, "Show")));
  });
}

function takeOut() {
  return dialog("Export", (close) => {
    const form = field("As", { options: [["csv", "CSV"], ["ndjson", "NDJSON"]], value: "csv" });
    return [h("p", {}, "What the range and the filters find."), form, h("div.actions", {}, button("Cancel", () => close(false)), button("Save the file", once(async () => {
      const as = inputOf(form).value;
      const { text } = await ask("GET", `${BASE}/export.${as}`, { query: asked(), headers: { accept: "*/*" } });
      close(true);
      download(`requests.${as}`, as === "csv" ? "text/csv" : "application/x-ndjson", text);
    }), { kind: "primary" }))];
  });
}

/** What the rules of redaction would take out of a text. */
function redaction() {
  return dialog("What is taken out", (close) => {
    const box = field("A body, a URL or an error, as a service would send it", { tag: "textarea", spellcheck: "false", value: "{\"password\": \"secret\", \"q\": \"hello\"}" });
    const shown = h("div", { role: "status" });
    return [box, shown, h("div.actions", {}, button("Close", () => close(false)), button("Try it", once(async () => {
      const { text, redacted } = await post(`${BASE}/redaction/preview`, { text: inputOf(box).value });
      put(shown, h("p", {}, `${counted(redacted, "secret")} would be taken out:`), h("pre", { tabindex: "0" }, text));
    }), { kind: "primary" }))];
  });
}

async function drawing(signal) {
  const { from, to, service, endpoint, hide } = asked();
  const seconds = ((to ? parseTime(to) : new Date()) - parseTime(from)) / 1_000;
  const step = Math.max(1, Math.ceil(seconds / BARS / STEP_S)) * STEP_S;
  const stats = await get(`${BASE}/stats`, { from, to, service, endpoint, hide, step }, { signal });
  if (stats.buckets.length === 0) return null;
  const all = everyBucket(stats, step * 1_000);
  const common = {
    onpick: (first, last) => change({
      from: all[first].start.toISOString(),
      to: new Date(all[last].start.getTime() + step * 1_000).toISOString(),
    }, { reset: ["cursor", "row"] }),
    onreset: () => change({}, { reset: ["from", "to", "cursor"] }),
  };
  const over = (valuesOf) => all.map(({ start, bucket }) => ({ label: shortTime(start), values: bucket ? valuesOf(bucket) : {} }));
  const { whole } = stats;
  const failed = (bucket) => ((bucket.classes["4xx"] ?? 0) + (bucket.classes["5xx"] ?? 0));
  const percent = (value) => `${value.toFixed(value < 10 ? 1 : 0)} %`;
  return [
    h("p.muted", { "data-testid": "req-summary" }, `${counted(whole.count, "request")}, ${percent((failed(whole) / Math.max(1, whole.count)) * 100)} of them 4xx or 5xx; half took at most ${duration(whole.p50_ms)}, 95 % ${duration(whole.p95_ms)}, 99 % ${duration(whole.p99_ms)}.${whole.input_tokens + whole.output_tokens > 0 ? ` Models read ${count(whole.input_tokens)} tokens and wrote ${count(whole.output_tokens)}${whole.cost > 0 ? ` for ${money(whole.cost)}` : ""}.` : ""}`),
    whole.dropped > 0 && h("div.warning", { "data-testid": "req-dropped" }, `${counted(whole.dropped, "report")} of requests did not come: their services had no room for them while the log was away.`),
    tabs([
      ["requests", "Requests", () => chart({
        title: "Requests by status",
        kind: "bars",
        buckets: over(({ classes, dropped }) => ({ ...classes, dropped })),
        series: whole.dropped > 0 ? [...CLASSES, { name: "dropped", className: "s-dropped" }] : CLASSES,
        ...common,
      })],
      ["latency", "Latency", () => chart({
        title: "Duration of half, 95 % and 99 % of the requests at most",
        kind: "lines",
        buckets: over(({ p50_ms: p50, p95_ms: p95, p99_ms: p99 }) => ({ p50, p95, p99 })),
        series: QUANTILES,
        format: duration,
        ...common,
      })],
      ["errors", "Errors", () => chart({
        title: "Share of 4xx and 5xx",
        kind: "lines",
        buckets: over((bucket) => ({ "4xx": ((bucket.classes["4xx"] ?? 0) / bucket.count) * 100, "5xx": ((bucket.classes["5xx"] ?? 0) / bucket.count) * 100 })),
        series: [{ name: "4xx", className: "l-95" }, { name: "5xx", className: "l-99" }],
        format: percent,
        ...common,
      })],
      whole.input_tokens + whole.output_tokens > 0 && ["tokens", "Tokens", () => chart({
        title: "Tokens of models",
        kind: "bars",
        buckets: over(({ input_tokens: read, output_tokens: written }) => ({ read, written })),
        series: [{ name: "read", className: "s-info" }, { name: "written", className: "s-ok" }],
        ...common,
      })],
      whole.cost > 0 && ["cost", "Cost", () => chart({ title: "Cost of models", kind: "lines", buckets: over(({ cost }) => ({ cost })), series: [{ name: "cost", className: "l-95" }], format: money, least: 1e-6, ...common })],
    ].filter(Boolean), { now: values().chart, choose: (name) => change({ chart: name === "requests" ? null : name }, { replace: true }), label: "Charts" }),
  ];
}

/** A sum of money in a currency that only the services know. */
function money(value) {
  return value.toLocaleString("en", { maximumSignificantDigits: value < 1 ? 3 : 6 });
}

/** The buckets of the whole range: those in which nothing happened are not told. */
function everyBucket({ buckets, from, to }, ms) {
  const told = new Map(buckets.map((bucket) => [parseTime(bucket.start).getTime(), bucket]));
  const begin = Math.min(...told.keys(), Math.floor(parseTime(from) / ms) * ms);
  const all = [];
  for (let at = begin; at < parseTime(to) && all.length < 2 * BARS; at += ms) {
    all.push({ start: new Date(at), bucket: told.get(at) });
  }
  return all;
}

function shortTime(time) {
  return time.toISOString().slice(5, 16).replace("T", " ");
}

function columns(slowest = 1) {
  return [
    { title: "Time", cell: (one) => timeOf(one.timestamp) },
    { title: "Service", cell: (one) => one.service },
    { title: "Endpoint", cell: (one) => `${one.method} ${one.endpoint}` },
    { title: "User", cell: (one) => one.user_identifier ?? "–" },
    { title: "Status", cell: (one) => statusBadge(one.status_code) },
    {
      title: "Duration",
      cell: (one) => [durationBar(one.duration_ms, slowest), duration(one.duration_ms)],
      className: "number",
    },
    { title: "Flags", cell: (one) => flagsOf(one) },
    { title: "Model", cell: (one) => one.model ?? "–", hidden: true },
    { title: "Tokens", cell: (one) => (one.input_tokens === null && one.output_tokens === null ? "–" : count((one.input_tokens ?? 0) + (one.output_tokens ?? 0))), className: "number", hidden: true },
    { title: "Cost", cell: (one) => (one.cost === null ? "–" : money(one.cost)), className: "number", hidden: true },
    { title: "Key", cell: (one) => one.key_id ?? "–", hidden: true },
    { title: "Id", cell: (one) => one.id, hidden: true },
    { title: "Request id", key: "request_id", cell: (one) => one.request_id ?? "–", hidden: true },
    { title: "Correlation", cell: (one) => one.correlation_id ?? "–", hidden: true },
    { title: "Error", cell: (one) => one.error ?? "–", hidden: true },
  ];
}

/** How long a request took beside the slowest one of the table; the number stands behind it. */
function durationBar(ms, slowest) {
  if (typeof ms !== "number") return null;
  const bar = h("span.bar", { "aria-hidden": "true" });
  bar.style.width = `${Math.max(1, Math.round((ms / slowest) * 60))}px`;
  return bar;
}

function rowsTable(requests) {
  const { row } = values();
  const slowest = Math.max(1, ...requests.map((one) => one.duration_ms ?? 0));
  return table("Requests", chosen(columns(slowest)), requests, {
    open: (one) => change({ row: one.id, compare: null }),
    isOpen: (one) => String(one.id) === row,
    testId: (one) => `req-row-${one.id}`,
  });
}

function listing({ requests, next_cursor: next, total, total_capped: capped, searched_to: searched }) {
  const { cursor } = values();
  const told = total !== undefined && total !== null && `${count(total)}${capped ? "+" : ""} requests`;
  const filtered = NARROW.some((name) => values()[name]);
  return [
    requests.length === 0 && !searched && (filtered
      ? empty("No request matches.", button("Clear filters", () => change({}, { reset: [...NARROW, "cursor"] })))
      : empty(`No API requests logged in this time${asked().hide ? ", or only such as are hidden" : ""}. Services send them to POST /api/v1/db/requests.`, asked().hide && button("Show those that are hidden", () => change({ show: HIDDEN.map(([word]) => word).join(",") })))),
    requests.length > 0 && rowsTable(requests),
    searched && h("div.warning", {}, "Searched back to ", timeOf(searched), requests.length ? ". " : " – no match yet. ",
      next && button("Continue", () => change({ cursor: next }), { "data-testid": "req-continue" })),
    h("div.actions", {},
      requests.length > 0 && h("span.muted", {}, told),
      cursor && button("Newest", () => change({}, { reset: ["cursor"] })),
      next && !searched && button("Older", () => change({ cursor: next }), { "data-testid": "req-older" })),
  ];
}

/**
 * The newest rows as they come, by the stream of the log. They slide in only for who looks at the
 * top; who reads further down, or one request, is told their number.
 */
function liveRows(page) {
  let running = null;
  let asking = null;
  let rows = [];
  let fresh = [];
  let missed = 0;
  let told = null;
  let timer = null;
  const draw = () => {
    timer = null;
    if (!running) return;
    const reads = values().row || document.hidden || scrollY > AT_TOP_PX;
    if (!reads) {
      rows = [...fresh, ...rows].slice(0, LIVE_ROWS);
      fresh = [];
    }
    page.set(
      h("p", { role: "status" }, told),
      missed > 0 && h("div.warning", {}, `${count(missed)} requests came too fast and are not shown; load the screen again to see them.`),
      fresh.length > 0 && h("div.actions", {}, button(`${count(fresh.length)} new`, () => {
        scrollTo({ top: 0 });
        rows = [...fresh, ...rows].slice(0, LIVE_ROWS);
        fresh = [];
        draw();
      }, { kind: "pill", "data-testid": "req-fresh" })),
      rows.length > 0 ? rowsTable(rows) : empty("Nothing yet; new requests appear here."));
  };
  const soon = () => { timer ??= setTimeout(draw, LIVE_DRAW_MS); };
  const states = { connecting: badge("connecting", "warn"), open: badge("live", "good"), waiting: badge("the stream broke; it comes back", "warn") };
  const begin = async (signal, wanted) => {
    const { from, to, ...narrowed } = wanted;
    try {
      rows = (await get(BASE, { ...wanted, limit: PAGE }, { signal })).requests;
      await follow(`${BASE}/stream`, {
        // From the newest row on, so that nothing falls between the page and the stream.
        values: { ...narrowed, since: rows[0]?.id },
        signal,
        state: (state) => { told = states[state]; soon(); },
        event: (name, data) => {
          if (name === "gap") missed += data.missed ?? 1;
          if (name === "request" && !rows.some((row) => row.id === data.id) && !fresh.some((row) => row.id === data.id)) {
            fresh = [data, ...fresh].slice(0, LIVE_ROWS);
          }
          if (name !== "ping") soon();
        },
      });
    } catch (error) {
      if (error.name === "AbortError" || signal.aborted) return;
      page.set(failure(error instanceof ApiError ? error : new Error("The stream cannot be read."), () => { running = null; start(); }));
    }
  };
  function start() {
    const wanted = asked();
    const key = JSON.stringify({ ...wanted, from: null });
    // The same filters: only the open row or the columns changed.
    if (running && asking === key) {
      draw();
      return;
    }
    stop();
    asking = key;
    running = new AbortController();
    [rows, fresh, missed, told] = [[], [], 0, states.connecting];
    page.set(told);
    begin(running.signal, wanted);
  }
  function stop() {
    running?.abort();
    running = null;
    clearTimeout(timer);
    timer = null;
  }
  return { start, stop };
}
