// One licence: its terms, its installations, what a client would be told, what was done to it.

import { ask, get, path, post } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { count, timeOf } from "../lib/format.js";
import { may } from "../lib/may.js";
import { badge, button, buttonFor, confirm, copyButton, dialog, empty, facts, field, inputOf, jsonView, once, panel, table, tabs, toast } from "../lib/ui.js";
import { change, values } from "../lib/url.js";
import { BASE, edit, extend } from "./licence-forms.js";

export const STATES = {
  active: ["Active", "good"],
  not_started: ["Not started", "plain"],
  grace: ["Grace", "warn"],
  expired: ["Expired", "bad"],
  suspended: ["Suspended", "warn"],
  revoked: ["Revoked", "bad"],
  deleted: ["Deleted", "plain"],
  unreadable: ["Unreadable expiry", "bad"],
};
/** Installations that were not seen for so long are stale. */
export const STALE_DAYS = 90;
/** Times of licences are on the wire without a zone. */
const zoned = (text) => text && `${text.replace(" ", "T")}Z`;

export function stateBadge(row) {
  const [title, kind] = STATES[row.state] ?? [row.state, "plain"];
  return badge(title, kind);
}

export function action(id, name) {
  return post(`${BASE}/${id}/${name}`, undefined);
}

export function remove(row) {
  return ask("DELETE", `${BASE}/${row.id}`);
}

/** The panel of the licence that the address names. */
export async function licencePanel(id, signal, again) {
  const row = await get(`${BASE}/${path(id).slice(1)}`, {}, { signal });
  const { installations } = await get(`${BASE}/${row.id}/installations`, {}, { signal });
  return panel(row.email, () => change({ id: null, tab: null }),
    h("p", {}, stateBadge(row)),
    h("div.actions", {}, actions(row, again)),
    tabs([
      ["overview", "Overview", () => overview(row)],
      ["installations", `Installations (${installations.length})`, () => installationList(row, installations, again)],
      ["try", "Try it", () => tryIt(row)],
      may("requests:read") && ["requests", "Requests", () => h("p", {}, h("a", { href: `/admin/requests?user=${encodeURIComponent(row.email)}&range=7d` }, "Requests of this e-mail in the last 7 days"))],
      may("audit:read") && ["history", "History", () => history(row, signal)],
    ].filter(Boolean), { now: values().tab, choose: (name) => change({ tab: name === "overview" ? null : name }, { replace: true }), label: "Parts of the licence" }));
}

function actions(row, again) {
  const live = row.state !== "deleted" && row.state !== "revoked";
  const does = (title, name, undo) => once(async () => {
    await action(row.id, name);
    again();
    toast(title, undo && (async () => {
      await action(row.id, undo);
      again();
    }));
  });
  return [
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
    live && buttonFor("licences:write", "Offline file", once(() => offlineFile(row))),
  ];
}

function overview(row) {
  const key = h("code.muted", {}, `…${row.key_last4}`);
  const reveal = button("Reveal", () => {
    put(key, row.license_key);
    key.classList.remove("muted");
    reveal.remove();
  }, { "data-testid": "lic-reveal-key" });
  return facts([
    ["Key", h("span", {}, key, " ", reveal, " ", copyButton("Copy", row.license_key, { "data-testid": "lic-copy-key" }))],
    ["Expires", timeOf(row.expires_at, row.expiry_date ?? "never")],
    ["Created", timeOf(zoned(row.created_at))],
    ["Limit", row.max_installations ?? "that of the e-mail"],
    ["At the limit", row.at_limit ?? "as the service has it"],
    ["Days of grace", count(row.grace_days)],
    ["Note", row.note],
    ["Tags", row.tags.join(" ")],
  ]);
}

const free = (row, one) => ask("DELETE", `${BASE}/${row.id}/installations${path(one.installation_id)}`);

const stale = (installations) =>
  installations.filter((one) => one.last_seen && Date.now() - Date.parse(zoned(one.last_seen)) > STALE_DAYS * 86_400_000);

/** Frees the installations of a licence that were not seen for long. */
export async function freeStale(row) {
  const { installations } = await get(`${BASE}/${row.id}/installations`);
  for (const one of stale(installations)) await free(row, one);
}

function installationList(row, installations, again) {
  if (installations.length === 0) return empty("None is activated.");
  const old = stale(installations);
  // Not every product says what it runs on.
  const said = (name) => installations.some((one) => one[name]);
  return [
    h("p", {}, `${count(row.places_taken)} of ${count(row.places)} places are taken${row.max_installations === null ? ", by all licences of the e-mail" : ""}.`),
    table("Installations", [
      { title: "Installation", cell: (one) => [one.label && [one.label, " "], h("code", {}, one.installation_id)] },
      said("app_version") && { title: "Version", cell: (one) => one.app_version ?? "–" },
      said("platform") && { title: "Platform", cell: (one) => one.platform ?? "–" },
      { title: "Activated", cell: (one) => timeOf(zoned(one.activated_at)) },
      { title: "Last seen", cell: (one) => timeOf(zoned(one.last_seen)) },
      {
        title: "",
        cell: (one) => buttonFor("licences:write", "Free", once(async () => {
          await free(row, one);
          again();
          toast("Its place is free.");
        }), { "data-testid": `lic-free-${one.installation_id}`, "aria-label": `Free ${one.installation_id}` }),
      },
    ].filter(Boolean), installations),
    old.length > 0 && buttonFor("licences:write", `Free ${count(old.length)} not seen for ${STALE_DAYS} days`, once(async () => {
      const sure = await confirm({ title: "Free stale installations", text: `${count(old.length)} of them give their places back. One that comes back takes a place again.`, action: "Free them" });
      if (!sure) return;
      for (const one of old) await free(row, one);
      again();
      toast("Their places are free.");
    }), { kind: "danger" }),
  ];
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

/** What was done to the licences of the e-mail. */
function history(row, signal) {
  const place = h("div", {}, h("p.muted", {}, "…"));
  get("/api/v1/audit", { object_type: "license", object_id: row.email, limit: 20 }, { signal }).then(({ entries }) => put(place,
    entries.length === 0 ? empty("Nothing is recorded of this e-mail.") : table("History of the e-mail", [
      { title: "When", cell: (one) => timeOf(one.at) },
      { title: "What", cell: (one) => h("a", { href: `/admin/audit?object_type=license&object_id=${encodeURIComponent(row.email)}&id=${encodeURIComponent(one.id)}` }, one.action) },
      { title: "Who", cell: (one) => one.actor },
    ], entries)), (error) => { if (error.name !== "AbortError") put(place, h("p.bad", {}, error.message)); });
  return place;
}
