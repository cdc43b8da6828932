// One request of the log, and two beside each other.

import { get, path } from "../lib/api.js";
import { besideView } from "../lib/diff.js";
import { h } from "../lib/dom.js";
import { duration, timeOf } from "../lib/format.js";
import { jsonViewer } from "../lib/json.js";
import { badge, button, copyButton, empty, facts, once, panel, table, tabs, toast } from "../lib/ui.js";
import { change, values } from "../lib/url.js";

export const BASE = "/api/v1/db/requests";
/** What is kept for the comparison while others are looked at. */
const MARKED = "isobase.compare";
/** Others of the same correlation that are listed. */
const RELATED = 20;

export function statusBadge(status) {
  if (!status) return "–";
  const kind = status < 400 ? "good" : status < 500 ? "warn" : "bad";
  return badge(String(status), kind);
}

const read = (id, signal) => get(BASE + path(id), {}, { signal });

/** The panel of the request that the address names; with `compare` beside another one. */
export async function requestPanel(id, signal) {
  const { compare, part } = values();
  const one = await read(id, signal);
  const close = () => change({ row: null, part: null, compare: null });
  const element = compare
    ? comparison(one, await read(compare, signal), close)
    : panel(`${one.method} ${one.endpoint}`, close, whole(one, await related(one, signal), part));
  element.dataset.testid = "req-panel";
  return element;
}

function whole(one, others, part) {
  const { request_body: sent, response_body: answered, request_headers: asked, response_headers: told, ...row } = one;
  const body = (text, what) => (text === undefined || text === null || text === ""
    ? h("p.muted", {}, `No body of the ${what} is kept.`)
    : [hidden(text) && h("p.muted", {}, "What stands as [redacted] or •••• was taken out before it was stored."), jsonViewer(parsed(text), { name: `${what}-${row.id}` })]);
  const marked = sessionStorage.getItem(MARKED);
  return [
    h("p", {}, statusBadge(row.status_code), ` ${duration(row.duration_ms)} `, flagsOf(row)),
    h("div.actions", {},
      copyButton("Copy link", location.href), copyButton("Copy as curl", curl(row, sent)),
      marked && marked !== String(row.id)
        ? button(`Compare with ${marked}`, () => change({ compare: marked }), { "data-testid": "req-compare" })
        : button("Compare with…", once(() => {
          sessionStorage.setItem(MARKED, String(row.id));
          toast("Open another request and choose Compare.");
          change({});
        }), { "data-testid": "req-mark" }),
      marked && button("Forget the mark", () => { sessionStorage.removeItem(MARKED); change({}); })),
    tabs([
      ["request", "Request", () => body(sent, "request")],
      ["response", "Response", () => [row.error && h("div.failure", {}, h("strong", {}, "Error"), h("p", {}, row.error)), body(answered, "response")]],
      ["headers", "Headers", () => [headersOf("Of the request", asked), headersOf("Of the answer", told)]],
      ["facts", "Facts", () => facts(Object.entries(row).filter(([, value]) => value !== null && value !== "").map(([name, value]) =>
        [name.replaceAll("_", " "), name === "timestamp" ? timeOf(value) : name === "duration_ms" ? duration(value) : typeof value === "object" ? JSON.stringify(value) : String(value)]))],
      ["related", `Related (${others.length})`, () => relatedView(row, others)],
    ], { now: part ?? "request", choose: (name) => change({ part: name === "request" ? null : name }, { replace: true }), label: "Parts of the request" }),
  ];
}

function headersOf(title, headers) {
  return [h("h3", {}, title), headers
    ? table(title, [{ title: "Name", cell: ([name]) => h("code", {}, name) }, { title: "Value", cell: ([, value]) => value }], Object.entries(headers))
    : h("p.muted", {}, "The service reported none.")];
}

const hidden = (text) => typeof text === "string" && /\[redacted|••••/.test(text);

/** What was cut or taken out, in signs with words. */
export function flagsOf(row) {
  return [
    row.truncated && h("span", { title: "A text was too long and was cut" }, "✂ cut "),
    row.dropped > 0 && h("span", { title: "Reports that the service had no room for from this time on" }, `▨ ${row.dropped} dropped `),
    row.redacted > 0 && h("span", { title: "Secrets that were taken out" }, `● ${row.redacted} masked `),
  ].filter(Boolean);
}

/** Requests of the same correlation. */
async function related(row, signal) {
  if (!row.correlation_id) return [];
  const from = new Date(Date.parse(`${row.timestamp}Z`) - 86_400_000).toISOString();
  const { requests } = await get(BASE, { correlation_id: row.correlation_id, from, limit: RELATED }, { signal });
  return requests.filter((one) => one.id !== row.id);
}

function relatedView(row, others) {
  return [
    facts([
      row.user_identifier && ["User", h("a", { href: `/admin/requests?user=${encodeURIComponent(row.user_identifier)}` }, `requests of ${row.user_identifier}`)],
      row.user_identifier?.includes("@") && ["Licences", h("a", { href: `/admin/licenses?q=${encodeURIComponent(row.user_identifier)}` }, `licences of ${row.user_identifier}`)],
    ].filter(Boolean)),
    others.length === 0 ? empty(row.correlation_id ? "No other request has this correlation id." : "The request has no correlation id.") : table("Requests of the same correlation id", [
      { title: "Time", cell: (one) => timeOf(one.timestamp) },
      { title: "Service", cell: (one) => one.service },
      { title: "Endpoint", cell: (one) => `${one.method} ${one.endpoint}` },
      { title: "Status", cell: (one) => statusBadge(one.status_code) },
    ], others, { open: (one) => change({ row: one.id }) }),
  ];
}

/** Two requests: what differs in what is known of them, and in their bodies. */
function comparison(one, other, close) {
  const known = [...new Set([...Object.keys(one), ...Object.keys(other)])].filter((name) => !/_body$/.test(name));
  const differing = known.filter((name) => JSON.stringify(one[name]) !== JSON.stringify(other[name]));
  const cell = (value) => (value === null || value === undefined ? "–" : typeof value === "object" ? JSON.stringify(value) : String(value));
  const bodies = (title, name) => [h("h3", {}, title), besideView(parsed(other[name]) ?? "", parsed(one[name]) ?? "", { titles: [String(other.id), String(one.id)], label: `${title}s beside each other` })];
  const element = panel(`${other.id} beside ${one.id}`, close,
    h("div.actions", {}, button("One alone", () => change({ compare: null })), button("The other way round", () => change({ row: other.id, compare: one.id }))),
    table("What differs", [
      { title: "Field", cell: (name) => name.replaceAll("_", " ") },
      { title: String(other.id), cell: (name) => cell(other[name]) },
      { title: String(one.id), cell: (name) => cell(one[name]) },
    ], differing),
    bodies("Request", "request_body"), bodies("Response", "response_body"));
  element.classList.add("wide");
  return element;
}

function parsed(text) {
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
  return `curl -X ${quoted(method)} "$BASE_URL"${quoted(endpoint)} -H "authorization: Bearer $KEY"${data}`;
}
