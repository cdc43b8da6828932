// What is asked about licences: new ones, one or many, other terms.

import { ask, freshKey, post } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { count, counted } from "../lib/format.js";
import { button, copyButton, dialog, download, field, form, inputOf, toast } from "../lib/ui.js";

export const BASE = "/api/v1/db/license";
/** Licences of one request, and of one form. */
const [BULK_REQUEST, BULK_MAX] = [100, 10_000];

export function create(again) {
  return dialog("New licence", (close) => {
    const email = field("E-mail", { type: "email", required: true, autocomplete: "off" });
    const length = field("For", { options: [["30", "30 days"], ["90", "90 days"], ["365", "a year"], ["own", "as many days as below"], ["", "for ever"]], value: "365" });
    const own = field("Days (with “as many days as below”)", { type: "number", min: 1, max: 3650 });
    const begin = field("From", { options: [["now", "now"], ["use", "the first activation"]], value: "now" });
    const agreed = terms();
    const key = field("A key of your own (empty: a random one)", { autocomplete: "off" });
    const idempotent = freshKey();
    return form([email, length, own, begin, Object.values(agreed), key], "Create licence", async () => {
      const days = inputOf(length).value === "own" ? inputOf(own).value : inputOf(length).value;
      if (inputOf(length).value === "own" && !days) throw new Error("How many days?");
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
          button("Create another", () => { done(true); create(again); }),
          button("Close", () => done(true), { kind: "primary" })),
      ]);
    }, close);
  });
}

/** Many licences for one e-mail or for a list, made in parts; their keys are there once, as a file. */
export function createMany(again) {
  return dialog("Bulk create", (close) => {
    const emails = field("E-mails, one a line; or one for all", { tag: "textarea", required: true, spellcheck: "false" });
    const number = field("Licences for each", { type: "number", min: 1, max: BULK_MAX, value: 1, required: true });
    const days = field("Days (empty: for ever)", { type: "number", min: 1, max: 3650, value: 365 });
    const agreed = terms();
    const told = h("div", { role: "status" });
    let stopped = false;
    const stop = button("Stop", () => { stopped = true; }, { hidden: true });
    return form([emails, number, days, h("details", {}, h("summary", {}, "Terms"), Object.values(agreed)), told, stop], "Create licences", async () => {
      const wanted = inputOf(emails).value.split(/[\s,;]+/).filter(Boolean).flatMap((email) => Array.from({ length: Number(inputOf(number).value) }, () => email));
      if (wanted.length === 0 || wanted.length > BULK_MAX) throw new Error(`Expected 1 to ${count(BULK_MAX)} licences, these are ${count(wanted.length)}.`);
      const until = inputOf(days).value ? { days: Number(inputOf(days).value) } : { expiry_date: null };
      const licences = wanted.map((email) => ({ email, ...until, ...termsOf(agreed) }));
      stop.hidden = false;
      const made = [];
      try {
        for (let at = 0; at < licences.length && !stopped; at += BULK_REQUEST) {
          const { results } = await post(`${BASE}/bulk`, { licenses: licences.slice(at, at + BULK_REQUEST) });
          made.push(...results);
          put(told, h("progress", { max: licences.length, value: made.length, "aria-label": "Licences that are made" }), ` ${count(made.length)} of ${count(licences.length)}`);
        }
      } finally {
        stop.hidden = true;
        if (made.length > 0) {
          again();
          await keysOnce(made, licences.length);
        }
      }
      close(true);
    }, close);
  });
}

function keysOnce(made, all) {
  const good = made.filter((one) => one.license_key);
  const lines = good.map(({ email, license_key: key, expiry }) => [email, key, expiry ?? ""].map((text) => (/[",]/.test(text) ? `"${text.replaceAll("\"", "\"\"")}"` : /^[=+\-@]/.test(text) ? `'${text}` : text)).join(","));
  return dialog("The licences are made", (done) => [
    h("p", { "data-testid": "lic-bulk-done" }, `${counted(good.length, "licence")} of ${count(all)}. Take the keys now: later each is shown by itself.`),
    h("div.actions", {},
      button("Save the keys as CSV", () => download("licence-keys.csv", "text/csv", `email,license_key,expiry\r\n${lines.join("\r\n")}\r\n`)),
      copyButton("Copy the keys", good.map((one) => one.license_key).join("\n")),
      button("Close", () => done(true), { kind: "primary" })),
  ]);
}

export function extend(row, again) {
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

export function edit(row, again) {
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
