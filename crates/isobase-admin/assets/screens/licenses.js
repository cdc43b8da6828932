// Licences: find, issue, extend, suspend, many at once.

import { ask, get, post } from "../lib/api.js";
import { chosen, columnsButton } from "../lib/columns.js";
import { debounced, h, put } from "../lib/dom.js";
import { count, counted, timeOf } from "../lib/format.js";
import { may } from "../lib/may.js";
import { Region, button, buttonFor, confirm, copyButton, dialog, download, empty, field, form, inputOf, once, table, toast } from "../lib/ui.js";
import { change, values } from "../lib/url.js";
import { viewsButton } from "../lib/views.js";
import { STALE_DAYS, STATES, action, freeStale, licencePanel, remove, stateBadge } from "./licence.js";
import { BASE, create, createMany } from "./licence-forms.js";

const PAGE = 50;
const FILTERS = ["q", "state", "tag", "expires_before", "expires_after", "created_before", "created_after", "within", "installation", "installations", "seen"];
const OCCUPANCY = [["", "Any"], ["none", "none"], ["below_limit", "below the limit"], ["at_limit", "at the limit"], ["over_limit", "over the limit"]];
/** When an installation was last seen: within so many days, or not for so many. */
const SEEN = [["", "at any time"], ["within-7", "within 7 days"], ["within-30", "within 30 days"], ["older-30", "not for 30 days"], ["older-90", "not for 90 days"]];
/** What is asked of many rows at once names its number; more than these take a typed word. */
const MANY = 100;
/** Most that are selected at once. */
const SELECTED_MAX = 1_000;

export const PARAMETERS = [...FILTERS, "cursor", "id", "tab", "columns"];

export function open() {
  const page = new Region("section");
  const side = new Region("div");
  const bulk = h("div");
  const bar = h("div");
  const element = h("div.split", {}, h("div", {}, bar, bulk, page.element), side.element);
  const selected = new Map();
  const update = () => {
    if (!bar.contains(document.activeElement)) put(bar, filters(() => update()));
    page.show((signal) => listing(signal, selected, drawBulk));
    drawBulk();
    const { id } = values();
    if (id) side.show((signal) => licencePanel(id, signal, update));
    else side.set();
  };
  const drawBulk = () => put(bulk, selected.size > 0 && bulkBar(selected, update));
  return { element, update, close: () => [page, side].forEach((region) => region.stop()) };
}

function filters(again) {
  const now = values();
  const set = (name) => debounced(300, (event) => change({ [name]: event.target.value }, { reset: ["cursor"], replace: true }));
  const states = [["", "All"], ...Object.entries(STATES).map(([state, [title]]) => [state, state === "expired" ? "Expired, or in grace" : title])];
  return [
    h("div.filters", {},
      field("Search", { type: "search", value: now.q ?? "", oninput: set("q"), "data-testid": "lic-search" }, "E-mail, key or its last four, note; or an installation by its id, label, version or platform."),
      field("Status", { options: states, value: now.state ?? "", onchange: set("state"), "data-testid": "lic-filter-status" }),
      field("Expires", {
        options: [["", "at any time"], ["7", "within 7 days"], ["30", "within 30 days"], ["90", "within 90 days"]],
        value: now.within ?? "",
        onchange: (event) => change({ within: event.target.value }, { reset: ["cursor", "expires_before", "expires_after"], replace: true }),
      }),
      now.installation && button(`installation: ${now.installation} ×`, () => change({ installation: null }, { reset: ["cursor"] }), { title: "Remove this filter", "data-testid": "lic-filter-installation" }),
      field("Installations", { options: OCCUPANCY, value: now.installations ?? "", onchange: set("installations"), "data-testid": "lic-filter-installations" }),
      field("Last seen", { options: SEEN, value: now.seen ?? "", onchange: set("seen"), "data-testid": "lic-filter-seen" }),
      field("Expires before", { type: "date", value: now.expires_before ?? "", onchange: set("expires_before") }),
      field("Expires after", { type: "date", value: now.expires_after ?? "", onchange: set("expires_after") }),
      field("Created from", { type: "date", value: now.created_after ?? "", onchange: set("created_after") }),
      field("Created before", { type: "date", value: now.created_before ?? "", onchange: set("created_before") }),
      field("Tag", { value: now.tag ?? "", oninput: set("tag") })),
    h("div.filters", {},
      buttonFor("licences:write", "New licence", once(() => create(again)), { kind: "primary", "data-testid": "lic-new" }),
      buttonFor("licences:write", "Bulk create", once(() => createMany(again)), { "data-testid": "lic-bulk" }),
      buttonFor("licences:write", "Import…", once(async () => (await import("./licence-import.js")).bringIn(again)), { "data-testid": "lic-import" }),
      button("Export CSV", once(async () => {
        const { text } = await ask("GET", `${BASE}/export.csv`, { query: filtered(), headers: { accept: "text/csv" } });
        download("licenses.csv", "text/csv", text);
      })),
      columnsButton(columns()), viewsButton()),
  ];
}

function filtered() {
  const now = values();
  const wanted = Object.fromEntries(FILTERS.map((name) => [name, now[name]]));
  delete wanted.within;
  delete wanted.seen;
  const day = (days) => new Date(Date.now() + days * 86_400_000).toISOString();
  const [kind, days] = (now.seen ?? "").split("-");
  if (Number(days) > 0) wanted[kind === "within" ? "seen_since" : "not_seen_since"] = day(-Number(days));
  if (now.within) {
    Object.assign(wanted, { expires_after: day(0), expires_before: day(Number(now.within) || 30) });
  }
  return wanted;
}

function columns() {
  return [
    { title: "E-mail", cell: (row) => row.email },
    { title: "Key", cell: keyCell },
    { title: "Status", cell: stateBadge },
    { title: "Expires", cell: (row) => timeOf(row.expires_at, row.expiry_date ?? "never") },
    { title: "Installations", cell: installationsCell, className: "number" },
    { title: "Last seen", key: "seen", cell: (row) => timeOf(row.last_seen) },
    { title: "Limit", cell: (row) => row.max_installations ?? "of the e-mail", hidden: true },
    { title: "Created", cell: (row) => timeOf(`${row.created_at.replace(" ", "T")}Z`) },
    { title: "Tags", cell: (row) => row.tags.join(" "), hidden: true },
    { title: "Note", cell: (row) => row.note ?? "–", hidden: true },
    { title: "Grace", cell: (row) => counted(row.grace_days, "day"), hidden: true },
    { title: "Number", cell: (row) => row.id, hidden: true },
  ];
}

/** The ends of a key; the whole is shown where it is asked for. */
function keyCell(row) {
  const begin = row.license_key?.split("-")[0];
  return [h("code", {}, begin && begin !== row.license_key ? `${begin}-…-${row.key_last4}` : `…${row.key_last4}`), row.license_key && " ", row.license_key &&
    copyButton("Copy", row.license_key, { kind: "plain", "aria-label": `Copy the key of ${row.email}` })];
}

/** Places that are taken of those there are; what other licences of the e-mail take is told apart. */
function installationsCell({ installations, places, places_taken: taken }) {
  const others = taken - installations;
  return h("span", { class: taken > places ? "bad" : null, title: others > 0 ? `${others} of them by other licences of the e-mail` : null }, `${count(taken)} / ${count(places)}`);
}

async function listing(signal, selected, onselect) {
  const { cursor, id } = values();
  let { licenses, next_cursor: next, searched_to: searched } = await get(BASE, { ...filtered(), limit: PAGE, cursor }, { signal });
  const { q, installation } = values();
  // What stands in no licence may be an installation.
  const byInstallation = licenses.length === 0 && q && !installation && !next;
  if (byInstallation) {
    const wanted = { ...filtered(), q: null, installation: q, limit: PAGE };
    ({ licenses, next_cursor: next, searched_to: searched } = await get(BASE, wanted, { signal }));
  }
  const goTo = (place) => change(byInstallation ? { cursor: place, installation: q, q: null } : { cursor: place });
  const goOn = searched && h("div.warning", {}, "Searched back to ", timeOf(`${searched.replace(" ", "T")}Z`), licenses.length ? ". " : " – no match yet. ",
    button("Continue", () => goTo(next), { "data-testid": "lic-continue" }));
  if (licenses.length === 0) {
    if (goOn) return goOn;
    const some = FILTERS.some((name) => values()[name]);
    return some
      ? empty("No licence matches.", button("Clear filters", () => change({}, { reset: [...FILTERS, "cursor"] })))
      : empty("No licences yet. One lets an e-mail use your product on a number of machines.");
  }
  const select = (row, on) => {
    if (on) selected.set(row.id, row);
    else selected.delete(row.id);
  };
  return [
    byInstallation && h("p.muted", { "data-testid": "lic-by-installation" }, "Found by an installation."),
    table("Licences", chosen(columns()), licenses, {
      open: (row) => change({ id: row.id, tab: null }),
      isOpen: (row) => String(row.id) === id,
      testId: (row) => `lic-row-${row.id}`,
      select: {
        has: (row) => selected.has(row.id),
        change: (row, on) => { select(row, on); onselect(); },
        name: (row) => `${row.email}, licence ${row.id}`,
      },
    }),
    goOn,
    h("div.actions", {},
      !cursor && !byInstallation && totalOf(signal),
      cursor && button("Newest", () => change({}, { reset: ["cursor"] })),
      next && !searched && button("Older", () => goTo(next)),
      may("licences:write") && button("Select all that match", once(async () => {
        let cursor_;
        do {
          const answer = await get(BASE, { ...filtered(), limit: 200, cursor: cursor_ }, { signal });
          answer.licenses.slice(0, SELECTED_MAX - selected.size).forEach((row) => select(row, true));
          cursor_ = answer.next_cursor;
        } while (cursor_ && selected.size < SELECTED_MAX);
        if (cursor_) toast(`Only the newest ${count(SELECTED_MAX)} are selected.`);
        for (const box of document.querySelectorAll("tbody td.select input")) box.checked = true;
        onselect();
      }))),
  ];
}

/** How many licences the filters find, told when it is known. */
function totalOf(signal) {
  const told = h("span.muted", { "data-testid": "lic-total" });
  get(BASE, { ...filtered(), limit: 1, count: true }, { signal, quiet: true })
    .then(({ total, total_capped: capped }) => { if (total !== undefined) put(told, `${count(total)}${capped ? "+" : ""} ${total === 1 ? "licence" : "licences"}`); })
    .catch(() => {});
  return told;
}

function bulkBar(selected, again) {
  const each = (title, run, { undo, word } = {}) => once(async () => {
    const rows = [...selected.values()];
    const sure = (rows.length <= MANY && !word) || await confirm({
      title: `${title} ${counted(rows.length, "licence")}`,
      text: word ? "This cannot be taken back. Each gets its own entry in the audit." : "Each gets its own entry in the audit.",
      action: title,
      word: word ?? String(rows.length),
    });
    if (!sure) return;
    const done = await many(rows, run);
    selected.clear();
    again();
    toast(`${title}: ${count(done.length)} of ${counted(rows.length, "licence")}.`, undo && (async () => {
      await many(done, undo);
      again();
    }));
  });
  const asking = (title, label, properties, read, run) => once(async () => {
    const value = await dialog(title, (close) => {
      const box = field(label, { required: true, autocomplete: "off", ...properties });
      return form(box, title, () => close(read(inputOf(box).value)), close);
    });
    if (value) await each(title, (row) => run(row, value))();
  });
  return h("div.filters", { "data-testid": "bulk-bar", role: "group", "aria-label": "For the selected licences" },
    h("strong", {}, `${count(selected.size)} selected`),
    may("licences:write") && [
      button("Extend…", asking("Extend", "Days", { type: "number", min: 1, max: 3650, value: 30 }, Number, (row, days) => post(`${BASE}/${row.id}/extend`, { days }))),
      button("Suspend", each("Suspended", (row) => action(row.id, "suspend"), { undo: (row) => action(row.id, "reinstate") })),
      button("Reinstate", each("Reinstated", (row) => action(row.id, "reinstate"), { undo: (row) => action(row.id, "suspend") })),
      button("Tag…", asking("Tag", "Tag", {}, (text) => text.trim(), (row, tag) => ask("PATCH", `${BASE}/${row.id}`, { body: { tags: [...new Set([...row.tags, tag])] } }))),
    ],
    may("licences:write") && button("Free stale installations", once(async () => {
      const sure = await confirm({ title: "Free stale installations", text: `Installations of ${counted(selected.size, "licence")} that were not seen for ${STALE_DAYS} days give their places back. One that comes back takes a place again.`, action: "Free them" });
      if (sure) await each("Freed", freeStale)();
    })),
    button("Export", once(async () => {
      const rows = [...selected.values()];
      download("licenses.json", "application/json", JSON.stringify(rows, null, 2));
    })),
    may("licences:write") && [
      button("Revoke", each("Revoked", (row) => action(row.id, "revoke"), { word: "revoke" }), { kind: "danger" }),
      button("Delete", each("Deleted", remove, { undo: (row) => action(row.id, "restore") }), { kind: "danger" }),
    ],
    button("Clear", () => { selected.clear(); again(); }, { "data-clear": true }));
}

/** What succeeded; the first failure is told at the end. */
async function many(rows, run) {
  const done = [];
  let failed = null;
  for (const row of rows) {
    try {
      await run(row);
      done.push(row);
    } catch (error) {
      failed ??= error;
    }
  }
  if (failed) toast(failed.message).classList.add("bad");
  return done;
}
