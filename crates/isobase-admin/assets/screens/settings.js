// Keys of services, sessions of the one who looks, and what this browser remembers.

import { ask, freshKey, get, path, post } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { may } from "../lib/may.js";
import { count, timeOf } from "../lib/format.js";
import { Region, badge, button, buttonFor, confirm, copyButton, dialog, empty, facts, field, form, inOrder, inputOf, once, table, toast } from "../lib/ui.js";
import { change, values } from "../lib/url.js";
import { ownAccount } from "./account.js";

export const PARAMETERS = ["all", "find"];

const KEYS = "/api/v1/keys";
const SETTINGS = "/admin/api/settings";

export function open({ overview }) {
  const [keys, own, sessions, signing, service] = Array.from({ length: 5 }, () => new Region("section"));
  const part = (title, ...content) => h("div", {}, h("h2", {}, title), content);
  const letters = field("Shortcuts of single letters", {
    options: [["on", "on"], ["off", "off"]],
    value: localStorage.getItem("isobase.letters") ?? "on",
    onchange: (event) => localStorage.setItem("isobase.letters", event.target.value),
  });
  /** From top to bottom; what cannot be seen is not asked for. */
  const parts = [
    may("admin") && [part("Keys", keys.element), () => keys.show((signal) => keyList(signal, update))],
    overview()?.account && [part("Your account", own.element), () => own.show((signal) => ownAccount(signal, update))],
    [part("Your sessions", sessions.element), () => sessions.show((signal) => sessionList(signal, update, overview()))],
    [part("This browser", letters), () => undefined],
    may("licences:read") && [part("Offline licence files", signing.element), () => signing.show(signingKey)],
    may("admin") && [part("What the service runs with", service.element), () => service.show((signal) => settingList(signal, update, overview()))],
    [part("About", h("p", {}, `This is Isobase ${overview()?.version ?? ""}, under MIT or Apache-2.0. Every route is on `, h("a", { href: "/docs", target: "_blank" }, "/docs"), "."),
      button("Licences of its parts", once(tellParts), { "data-testid": "parts" })), () => undefined],
  ].filter(Boolean);
  function update() {
    inOrder(parts.map(([element, show]) => [element, show()]));
  }
  return { element: h("div", {}, parts.map(([element]) => element)), update, close: () => [keys, sessions, signing, service, own].forEach((region) => region.stop()) };
}

/** Whose work is in the executable. */
async function tellParts() {
  const { parts } = await get("/admin/api/parts");
  await dialog("Licences of the parts", (close) => [
    table("Crates of others in the executable", [
      { title: "Crate", cell: (one) => one.name }, { title: "Version", cell: (one) => one.version }, { title: "Licence", cell: (one) => one.licence },
    ], parts),
    h("div.actions", {}, button("Close", () => close(true), { kind: "primary" })),
  ]);
}

/** By which programs know files that this service signed. */
async function signingKey(signal) {
  const told = await get("/api/v1/license/public-key", {}, { signal, quiet: true }).catch((error) => {
    if (error.name === "AbortError") throw error;
    return null;
  });
  if (!told) return h("p.muted", {}, "This service signs no files: it has no secret.");
  const { kid, alg, public_key: key } = told;
  return [facts([["Public key", [h("code", {}, key), " ", copyButton("Copy", key)]], ["Id", h("code", {}, kid)], ["Signature", alg]]),
    h("p.muted", {}, "Programs verify a file by it without asking; so does “isobase license verify”.")];
}

/** Some are changed here, for every service on the database; the others where they come from. */
async function settingList(signal, again, overview) {
  const { settings } = await get(SETTINGS, {}, { signal });
  const { all, find = "" } = values();
  const shown = settings.filter(({ key, origin }) => (find ? key.includes(find) : all || origin?.kind !== "default"));
  return [
    h("div.filters", {},
      field("Find a setting", { type: "search", value: find, onchange: (event) => change({ find: event.target.value.trim() }, { replace: true }) }),
      button(all ? "Only those that are set" : `All ${count(settings.length)}`, () => change({ all: all ? null : 1, find: null }, { replace: true })),
      overview?.account && button("Try the mail server", once(tryMail), { "data-testid": "mail-test" })),
    h("p.muted", {}, "What is changed here is kept in the database: every service on it takes it at once. All else is changed where it comes from, and holds from the next start on."),
    shown.length === 0 ? empty(find ? "No setting has such a name." : "Every setting has its default.") : table("Settings", [
      { title: "Setting", cell: (one) => h("code", {}, one.key) },
      { title: "Value", cell: (one) => one.value ?? h("span.muted", {}, "unset") },
      { title: "From", cell: ({ origin }) => [origin?.kind, origin?.name, origin?.path, origin?.line && `line ${origin.line}`].filter(Boolean).join(" ") },
      {
        title: "",
        cell: (one) => (one.locked_by
          ? h("small.muted", {}, one.locked_by)
          : button("Change…", once(() => changeSetting(one, again)), { "aria-label": `Change ${one.key}` })),
      },
    ], shown, { testId: (one) => `setting-${one.key}` }),
  ];
}

function changeSetting(setting, again) {
  return dialog(setting.key, (close) => {
    const value = field("Value", { value: setting.value ?? "", autocomplete: "off", "data-testid": "setting-value" }, `Expected ${setting.expects}. The default is ${setting.default ?? "none"}.`);
    const told = h("div", { role: "alert" });
    const send = (method, body) => once(async () => {
      try {
        await ask(method, SETTINGS + path(setting.key), { body });
      } catch (error) {
        put(told, h("p.bad", {}, error.message));
        return;
      }
      close(true);
      toast("Changed: every service on this database takes it in a moment.");
      // The service takes it when what is under way has ended.
      await until(async () => {
        const { settings } = await get(SETTINGS);
        const { origin } = settings.find(({ key }) => key === setting.key) ?? {};
        return (origin?.kind === "database") === (method === "PUT");
      });
      again();
    });
    return h("form", { onsubmit: (event) => { event.preventDefault(); send("PUT", { value: inputOf(value).value.trim() })(); } },
      h("p", {}, setting.about), value, told,
      h("div.actions", {}, button("Cancel", () => close(false)),
        setting.origin?.kind === "database" && button("Forget this value", send("DELETE"), { "data-testid": "setting-reset" }),
        h("button.primary", { type: "submit" }, "Change")));
  });
}

/** Asks again for some seconds; a service that begins anew does not answer at once. */
async function until(holds) {
  for (let tries = 0; tries < 20; tries += 1) {
    if (await holds().catch(() => false)) return;
    await new Promise((done) => { setTimeout(done, 250); });
  }
}

async function tryMail() {
  const { data: told } = await ask("POST", "/api/v1/mail/test");
  await dialog("The mail server", (close) => [
    h("p", { "data-testid": "mail-told" }, !told.sent ? `The letter to ${told.to} did not leave.` : told.to_server ? `The mail server took the letter to ${told.to}.` : "No mail server is set: the letter is in the log."),
    (told.answer ?? told.error) && h("pre", { tabindex: "0" }, told.answer ?? told.error),
    h("div.actions", {}, button("Close", () => close(true), { kind: "primary" })),
  ]);
}

async function keyList(signal, again) {
  const { keys } = await get(KEYS, {}, { signal });
  const live = keys.filter((key) => !key.revoked_at);
  return [
    h("div.filters", {}, buttonFor("admin", "New key", once(() => create(again)), { kind: "primary", "data-testid": "key-new" })),
    keys.length === 0
      ? empty("There are no named keys. A service that is not open asks for one, or for INTERNAL_API_KEY.")
      : table("Keys", [
        { title: "Name", cell: (key) => key.name },
        { title: "Begins with", cell: (key) => h("code", {}, `iso_${key.id}_…`) },
        { title: "Scopes", cell: (key) => key.scopes.join(" ") },
        { title: "Created", cell: (key) => timeOf(key.created_at) },
        { title: "Last used", cell: (key) => timeOf(key.last_used_at) },
        { title: "State", cell: keyState },
        {
          title: "",
          cell: (key) => !key.revoked_at && [!key.replaced_by && buttonFor("admin", "Rotate…", once(() => rotate(key, again)), { "aria-label": `Rotate ${key.name}` }), " ", buttonFor("admin", "Revoke", once(async () => {
            const last = live.length === 1 ? " It is the last one." : "";
            const sure = await confirm({ title: `Revoke ${key.name}`, text: `Services that use this key are refused at once.${last}`, action: "Revoke", word: key.name });
            if (!sure) return;
            await ask("DELETE", KEYS + path(key.id));
            again();
            toast("Revoked");
          }), { kind: "danger", "aria-label": `Revoke ${key.name}` })],
        },
      ], keys),
  ];
}

function create(again) {
  return dialog("New key", (close) => {
    const name = field("Name", { required: true, autocomplete: "off" }, "The service that uses it.");
    const scopes = field("Scopes", { value: "write", required: true, autocomplete: "off" }, "read, write, admin, or :read and :write of licences, requests, uploads, accounts, operations, webhooks; audit:read, overview:read");
    const days = field("Days until it ends (empty: never)", { type: "number", min: 1, max: 3650 });
    const idempotent = freshKey();
    return form([name, scopes, days], "Create key", async () => {
      const made = await post(KEYS, { name: inputOf(name).value.trim(), scopes: inputOf(scopes).value.split(/[\s,]+/).filter(Boolean), days: Number(inputOf(days).value) || null }, idempotent);
      close(true);
      again();
      await showOnce(made);
    }, close);
  });
}

/** A key that another one replaced goes on until its end; whether anybody still uses it its last use says. */
function keyState(key) {
  if (key.revoked_at) return badge("revoked", "bad");
  if (!key.expires_at) return badge("active", "good");
  return [badge(key.replaced_by ? "replaced" : "ends", "warn"), " until ", timeOf(key.expires_at)];
}

/** @param {{name: string, key: string}} made */
function showOnce(made) {
  return dialog(`The key ${made.name}`, (done) => [
    h("p", {}, "It is shown only now:"),
    h("p.secret", { "data-testid": "key-secret" }, made.key),
    h("div.actions", {}, copyButton("Copy", made.key), button("Close", () => done(true), { kind: "primary" })),
  ]);
}

function rotate(key, again) {
  return dialog(`Rotate ${key.name}`, (close) => {
    const overlap = field("The former key goes on for", { options: [["86400", "24 hours"], ["3600", "1 hour"], ["604800", "7 days"], ["0", "no time: it is revoked at once"]], value: "86400" });
    const idempotent = freshKey();
    return form(overlap, "Rotate key", async () => {
      const made = await post(`${KEYS}${path(key.id)}/rotate`, { overlap_s: Number(inputOf(overlap).value) }, idempotent);
      close(true);
      again();
      await showOnce(made);
    }, close);
  });
}

async function sessionList(signal, again, overview) {
  if (!overview?.account) return h("p.muted", {}, "You are not signed in with an account.");
  const answer = await get("/api/sessions", {}, { signal });
  return table("Sessions", [
    { title: "Program", cell: (session) => session.agent ?? "unknown" },
    { title: "Kind", cell: (session) => session.kind },
    { title: "Begun", cell: (session) => timeOf(session.created_at) },
    { title: "Last used", cell: (session) => timeOf(session.last_used_at) },
    { title: "Ends", cell: (session) => timeOf(session.expires_at) },
    {
      title: "",
      cell: (session) => (session.current
        ? badge("this one", "good")
        : button("End", once(async () => {
          await ask("DELETE", `/api/sessions${path(session.id)}`);
          again();
          toast("The session is ended.");
        }), { "aria-label": `End the session of ${session.agent ?? session.kind}` })),
    },
  ], answer.sessions);
}
