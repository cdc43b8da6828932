// Licences: find, issue, extend, suspend; their installations; why a client is told what it is.

import { ask, get, path, post } from "../lib/api.js";
import { debounced, h, put } from "../lib/dom.js";
import { count, timeOf } from "../lib/format.js";
import { may } from "../lib/may.js";
import { Region, badge, button, buttonFor, confirm, copyButton, dialog, download, empty, facts, field, inputOf, jsonView, once, panel, table, toast } from "../lib/ui.js";
import { change, values } from "../lib/url.js";

const BASE = "/api/v1/db/license";
const PAGE = 50;
const STATES = {
  active: ["Active", "good"],
  not_started: ["Not started", "plain"],
  grace: ["Grace", "warn"],
  expired: ["Expired", "bad"],
  suspended: ["Suspended", "warn"],
  revoked: ["Revoked", "bad"],
  deleted: ["Deleted", "plain"],
  unreadable: ["Unreadable expiry", "bad"],
};
const FILTERS = ["q", "state", "tag", "expires_before", "expires_after"];
/** What is asked of many rows at once names its number; more than these take a typed word. */
const MANY = 100;

export function open() {
  const page = new Region("section");
  const side = new Region("div");
  const bulk = h("div");
  const element = h("div.split", {}, h("div", {}, filters(() => update()), bulk, page.element), side.element);
  const selected = new Map();
  const update = () => {
    page.show(async (signal) => listing(signal, selected, () => drawBulk()));
    drawBulk();
    const { id } = values();
    if (!id) {
      side.stop();
      put(side.element);
      return;
    }
    side.show((signal) => detail(id, signal, update));
  };
  const drawBulk = () => put(bulk, selected.size > 0 && bulkBar(selected, update));
  return { element, update, close: () => [page, side].forEach((region) => region.stop()) };
}

function filters(again) {
  const now = values();
  const set = (name) => debounced(300, (event) => change({ [name]: event.target.value }, { reset: ["cursor"], replace: true }));
  const states = [["", "All"], ...Object.entries(STATES).filter(([state]) => state !== "grace").map(([state, [title]]) => [state, title])];
  return h("div.filters", {},
    field("Search", { type: "search", value: now.q ?? "", oninput: set("q"), "data-testid": "lic-search" }, "E-mail, key, last four, note."),
    field("Status", { options: states, value: now.state ?? "", onchange: set("state"), "data-testid": "lic-filter-status" }),
    field("Expires before", { type: "date", value: now.expires_before ?? "", onchange: set("expires_before") }),
    field("Tag", { value: now.tag ?? "", oninput: set("tag") }),
    buttonFor("licences:write", "New licence", once(() => create(again)), { kind: "primary", "data-testid": "lic-new" }),
    button("Export CSV", once(async () => {
      const { data } = await ask("GET", `${BASE}/export.csv`, { query: filtered(), headers: { accept: "text/csv" } });
      download("licenses.csv", "text/csv", data);
    })),
    buttonFor("licences:write", "Import CSV", once(() => bringIn(again))));
}

function filtered() {
  const now = values();
  return Object.fromEntries(FILTERS.map((name) => [name, now[name]]));
}

async function listing(signal, selected, onselect) {
  const { cursor, id } = values();
  const { licenses, next_cursor: next } = await get(BASE, { ...filtered(), limit: PAGE, cursor }, { signal });
  if (licenses.length === 0) {
    const some = FILTERS.some((name) => values()[name]);
    return some
      ? empty("No licence matches.", button("Clear filters", () => {
        change({}, { reset: [...FILTERS, "cursor"] });
        location.reload();
      }))
      : empty("No licences yet. One lets an e-mail use your product on a number of machines.");
  }
  const columns = [
    { title: "E-mail", cell: (row) => row.email },
    { title: "Key", cell: (row) => h("code", {}, `…${row.key_last4}`) },
    { title: "Status", cell: stateBadge },
    { title: "Expires", cell: (row) => timeOf(row.expires_at, row.expiry_date ?? "never") },
    { title: "Limit", cell: (row) => row.max_installations ?? "of the e-mail" },
    { title: "Created", cell: (row) => timeOf(`${row.created_at.replace(" ", "T")}Z`) },
  ];
  return [
    table("Licences", columns, licenses, {
      open: (row) => change({ id: row.id }),
      isOpen: (row) => String(row.id) === id,
      testId: (row) => `lic-row-${row.id}`,
      select: {
        has: (row) => selected.has(row.id),
        change: (row, on) => {
          if (on) selected.set(row.id, row);
          else selected.delete(row.id);
          onselect();
        },
        name: (row) => row.email,
      },
    }),
    h("div.actions", {},
      cursor && button("Newest", () => change({}, { reset: ["cursor"] })),
      next && button("Older", () => change({ cursor: next }))),
  ];
}

function stateBadge(row) {
  const [title, kind] = STATES[row.state] ?? [row.state, "plain"];
  return badge(title, kind);
}

function bulkBar(selected, again) {
  const each = (title, run, undo) => once(async () => {
    const rows = [...selected.values()];
    const sure = rows.length <= MANY || await confirm({
      title: `${title} ${count(rows.length)} licences`,
      text: "Each gets its own entry in the audit.",
      action: title,
      word: String(rows.length),
    });
    if (!sure) return;
    const done = await many(rows, run);
    selected.clear();
    again();
    toast(`${title}: ${count(done.length)} of ${count(rows.length)} licences.`, undo && (async () => {
      await many(done, undo);
      again();
    }));
  });
  return h("div.filters", { "data-testid": "bulk-bar", role: "group", "aria-label": "For the selected licences" },
    h("strong", {}, `${count(selected.size)} selected`),
    buttonFor("licences:write", "Extend 30 days", each("Extended by 30 days", (row) => post(`${BASE}/${row.id}/extend`, { days: 30 }))),
    buttonFor("licences:write", "Suspend", each("Suspended", (row) => action(row.id, "suspend"), (row) => action(row.id, "reinstate"))),
    buttonFor("licences:write", "Reinstate", each("Reinstated", (row) => action(row.id, "reinstate"), (row) => action(row.id, "suspend"))),
    buttonFor("licences:write", "Delete", each("Deleted", remove, (row) => action(row.id, "restore")), { kind: "danger" }),
    button("Clear", () => { selected.clear(); again(); }));
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

function action(id, name) {
  return post(`${BASE}/${id}/${name}`, undefined);
}

function remove(row) {
  return ask("DELETE", `${BASE}/${row.id}`);
}

function terms(row = {}) {
  return {
    limit: field("Installations (empty: as the e-mail has)", { type: "number", min: 0, value: row.max_installations ?? "" }),
    policy: field("At the limit", {
      options: [["", "As the service has it"], ["replace_oldest", "Replace the oldest"], ["reject", "Refuse"], ["allow_n", "Let some more in"]],
      value: row.at_limit ?? "",
    }),
    more: field("How many more (with “Let some more in”)", { type: "number", min: 0, value: row.allow_n ?? "" }),
    grace: field("Days of grace", { type: "number", min: 0, value: row.grace_days ?? 0 }),
    note: field("Note", { value: row.note ?? "" }),
    tags: field("Tags, by blanks", { value: (row.tags ?? []).join(" ") }),
  };
}

function termsOf(fields) {
  const number = (element) => (inputOf(element).value === "" ? null : Number(inputOf(element).value));
  return {
    max_installations: number(fields.limit),
    at_limit: inputOf(fields.policy).value || null,
    allow_n: number(fields.more),
    grace_days: number(fields.grace) ?? 0,
    note: inputOf(fields.note).value || null,
    tags: inputOf(fields.tags).value.split(/\s+/).filter(Boolean),
  };
}

/** A form that shows what is refused beside its button. */
function form(fields, label, submit, close) {
  const told = h("div", { role: "alert" });
  return h("form", {
    onsubmit: (event) => {
      event.preventDefault();
      const go = event.target.querySelector("[type=submit]");
      if (go.disabled) return;
      go.disabled = true;
      submit().catch((error) => put(told, h("p.bad", {}, error.message))).finally(() => { go.disabled = false; });
    },
  }, fields, told, h("div.actions", {}, button("Cancel", () => close(false)), h("button.primary", { type: "submit" }, label)));
}

function create(again) {
  return dialog("New licence", (close) => {
    const email = field("E-mail", { type: "email", required: true, autocomplete: "off" });
    const length = field("For", { options: [["30", "30 days"], ["90", "90 days"], ["365", "a year"], ["", "for ever"]], value: "365" });
    const begin = field("From", { options: [["now", "now"], ["use", "the first activation"]], value: "now" });
    const agreed = terms();
    const key = field("A key of your own (empty: a random one)", { autocomplete: "off" });
    const idempotent = crypto.randomUUID();
    return form([email, length, begin, Object.values(agreed), key], "Create licence", async () => {
      const days = inputOf(length).value;
      const made = await post(`${BASE}/create`, {
        email: inputOf(email).value.trim(),
        license_key: inputOf(key).value.trim() || null,
        ...(days ? { days: Number(days), from_first_activation: inputOf(begin).value === "use" } : { expiry_date: null }),
        ...termsOf(agreed),
      }, idempotent);
      close(true);
      again();
      await dialog("The licence is made", (done) => [
        h("p", {}, `For ${made.email}${made.expiry ? `, until ${made.expiry} UTC` : ""}:`),
        h("p.secret", { "data-testid": "lic-new-key" }, made.license_key),
        h("div.actions", {}, copyButton("Copy key", made.license_key),
          copyButton("Copy activation message", `Your licence for ${made.email}: ${made.license_key}`),
          button("Close", () => done(true), { kind: "primary" })),
      ]);
    }, close);
  });
}

async function detail(id, signal, again) {
  const row = await get(`${BASE}/${path(id).slice(1)}`, {}, { signal });
  const { installations } = await get(`${BASE}/${row.id}/installations`, {}, { signal });
  const history = may("audit:read")
    ? (await get("/api/v1/audit", { object_type: "license", object_id: row.email, limit: 20 }, { signal })).entries
    : [];
  const close = () => change({ id: null });
  const does = (title, name, undo) => once(async () => {
    await action(row.id, name);
    again();
    toast(title, undo && (async () => {
      await action(row.id, undo);
      again();
    }));
  });
  const key = h("code.muted", {}, `…${row.key_last4}`);
  const reveal = button("Reveal", () => {
    put(key, row.license_key);
    key.classList.remove("muted");
    reveal.remove();
  }, { "data-testid": "lic-reveal-key" });
  const live = row.state !== "deleted" && row.state !== "revoked";
  return panel(row.email, close,
    h("p", {}, stateBadge(row)),
    facts([
      ["Key", h("span", {}, key, " ", reveal, " ", copyButton("Copy", row.license_key, { "data-testid": "lic-copy-key" }))],
      ["Expires", timeOf(row.expires_at, row.expiry_date ?? "never")],
      ["Created", timeOf(`${row.created_at.replace(" ", "T")}Z`)],
      ["Limit", row.max_installations ?? "that of the e-mail"],
      ["At the limit", row.at_limit ?? "as the service has it"],
      ["Note", row.note],
      ["Tags", row.tags.join(" ")],
    ]),
    h("div.actions", {},
      live && buttonFor("licences:write", "Extend", once(() => extend(row, again)), { kind: "primary", "data-testid": "lic-extend" }),
      live && buttonFor("licences:write", "Edit", once(() => edit(row, again))),
      row.state === "suspended"
        ? buttonFor("licences:write", "Reinstate", does("Reinstated", "reinstate", "suspend"), { "data-testid": "lic-suspend" })
        : live && buttonFor("licences:write", "Suspend", does("Suspended", "suspend", "reinstate"), { "data-testid": "lic-suspend" }),
      row.state === "deleted"
        ? buttonFor("licences:write", "Restore", does("Restored", "restore"))
        : buttonFor("licences:write", "Delete", once(async () => {
          await remove(row);
          again();
          toast("Deleted", async () => {
            await action(row.id, "restore");
            again();
          });
        }), { kind: "danger" }),
      live && buttonFor("licences:write", "Rotate key", once(async () => {
        if (!await confirm({ title: "Rotate the key", text: "The old key stops working at once.", action: "Rotate" })) return;
        await action(row.id, "rotate-key");
        again();
        toast("The licence has a new key.");
      })),
      live && buttonFor("licences:write", "Revoke", once(async () => {
        const sure = await confirm({ title: `Revoke the licence of ${row.email}`, text: "A revoked licence cannot be used again.", action: "Revoke", word: "revoke" });
        if (!sure) return;
        await action(row.id, "revoke");
        again();
        toast("Revoked");
      }), { kind: "danger" }),
      live && buttonFor("licences:write", "Offline file", once(() => offlineFile(row)))),
    h("h3", {}, `Installations (${installations.length})`),
    installations.length
      ? table("Installations", [
        { title: "Installation", cell: (one) => h("code", {}, one.installation_id) },
        { title: "Activated", cell: (one) => timeOf(one.activated_at && `${one.activated_at.replace(" ", "T")}Z`) },
        { title: "Last seen", cell: (one) => timeOf(one.last_seen && `${one.last_seen.replace(" ", "T")}Z`) },
        {
          title: "",
          cell: (one) => buttonFor("licences:write", "Free", once(async () => {
            await ask("DELETE", `${BASE}/${row.id}/installations${path(one.installation_id)}`);
            again();
            toast("Its place is free.");
          }), { "data-testid": `lic-free-${one.installation_id}`, "aria-label": `Free ${one.installation_id}` }),
        },
      ], installations)
      : h("p.muted", {}, "None is activated."),
    h("h3", {}, "Try it"), tryIt(row),
    history.length > 0 && [h("h3", {}, "History of the e-mail"), table("History of the e-mail", [
      { title: "When", cell: (one) => timeOf(one.at) },
      { title: "What", cell: (one) => h("a", { href: `/admin/audit?object_type=license&object_id=${encodeURIComponent(row.email)}&id=${encodeURIComponent(one.id)}` }, one.action) },
      { title: "Who", cell: (one) => one.actor },
    ], history)],
    h("p", {}, h("a", { href: `/admin/requests?user=${encodeURIComponent(row.email)}` }, "Requests of this e-mail")));
}

function extend(row, again) {
  return dialog(`Extend ${row.email}`, (close) => {
    const days = field("Days", { type: "number", min: 1, max: 3650, value: 30, required: true });
    const choose = (number) => button(`+${number}`, () => { inputOf(days).value = number; });
    return form([days, h("div.actions", {}, choose(30), choose(90), choose(365))], "Extend", async () => {
      await post(`${BASE}/${row.id}/extend`, { days: Number(inputOf(days).value) });
      close(true);
      again();
      toast("Extended");
    }, close);
  });
}

function edit(row, again) {
  return dialog(`Edit ${row.email}`, (close) => {
    const email = field("E-mail", { type: "email", required: true, value: row.email });
    const expiry = field("Expires (UTC; empty: never)", { type: "datetime-local", step: 1, value: row.expiry_date?.slice(0, 19) ?? "" });
    const agreed = terms(row);
    return form([email, expiry, Object.values(agreed)], "Save", async () => {
      const until = inputOf(expiry).value;
      await ask("PATCH", `${BASE}/${row.id}`, {
        body: {
          email: inputOf(email).value.trim(),
          ...(until === (row.expiry_date?.slice(0, 19) ?? "") ? {} : { expiry_date: until ? `${until}Z` : null }),
          ...termsOf(agreed),
        },
      });
      close(true);
      again();
      toast("Saved");
    }, close);
  });
}

async function offlineFile(row) {
  const file = await post(`${BASE}/${row.id}/file`, {});
  await dialog("Offline licence file", (close) => [
    h("p", {}, "Signed; verify it with the command “isobase license verify”."),
    jsonView(file),
    h("div.actions", {}, button("Close", () => close(true), { kind: "primary" })),
  ]);
}

/** What a client with this key would be told, rule by rule; nothing is changed. */
function tryIt(row) {
  const email = field("E-mail", { value: row.email });
  const installation = field("Installation", { value: "a-new-machine" });
  const shown = h("div", { role: "status" });
  const run = once(async () => {
    const { rules, answer } = await post(`${BASE}/explain`, {
      email: inputOf(email).value,
      installation_id: inputOf(installation).value,
      license_key: row.license_key,
    });
    put(shown,
      h("ol", {}, rules.map((rule) => h("li", {},
        badge(rule.passed ? "passed" : "failed", rule.passed ? "good" : "bad"), ` ${rule.rule}: ${rule.detail}`))),
      h("p", {}, "The client would be told: ", badge(answer.code, answer.valid ? "good" : "bad"), ` ${answer.message}`));
  });
  return h("div", {}, email, installation, button("Explain", run, { "data-testid": "lic-explain-run" }), shown);
}

/** Rows of a CSV file, tried before anything is written. */
function bringIn(again) {
  return dialog("Import licences", (close) => {
    const file = field("CSV with email, license_key, expiry_date", { type: "file", accept: ".csv,.json" });
    const told = h("div", { role: "status" });
    let body = null;
    const send = (dry) => ask("POST", `${BASE}/import`, { query: { dry_run: dry }, body });
    const shown = ({ data }) => put(told,
      h("p", {}, `${count(data.licenses.created)} new, ${count(data.licenses.updated)} changed, ${count(data.licenses.unchanged)} as they are, ${count(data.licenses.failed)} refused.`),
      h("ul", {}, data.errors.slice(0, 20).map((text) => h("li", {}, text))));
    const go = button("Import", once(async () => {
      shown(await send(false));
      again();
      close(true);
      toast("Imported");
    }), { kind: "primary", disabled: true });
    const look = once(async () => {
      const [chosen] = inputOf(file).files;
      if (!chosen) return;
      const { parseRows } = await import("../lib/rows.js");
      body = { licenses: parseRows(await chosen.text()) };
      shown(await send(true));
      go.disabled = false;
    });
    return [file, told, h("div.actions", {}, button("Cancel", () => close(false)), button("Try it", look), go)];
  });
}
