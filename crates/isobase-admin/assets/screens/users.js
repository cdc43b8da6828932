// Accounts: who may sign in, as what.

import { ask, get, path } from "../lib/api.js";
import { may } from "../lib/may.js";
import { h, put } from "../lib/dom.js";
import { timeOf } from "../lib/format.js";
import { Region, badge, button, buttonFor, confirm, dialog, empty, facts, field, inputOf, once, panel, table, toast } from "../lib/ui.js";
import { change, values } from "../lib/url.js";

const BASE = "/api/v1/accounts";
const ROLES = ["owner", "admin", "editor", "support", "viewer", "user"];
/** What those may do who work on the service, in a sentence. */
const WORKING = {
  owner: "May do everything, and make owners.",
  admin: "May do everything but make owners.",
  editor: "Changes documents, licences, requests and uploads; runs backups.",
  support: "Changes licences and accounts of people; sees requests, uploads and the audit.",
  viewer: "Sees everything but keys, and changes nothing.",
};
const PASSWORD_MIN = 12;

export function open() {
  const page = new Region("section");
  const side = new Region("div");
  const element = h("div.split", {}, h("div", {},
    h("div.filters", {}, buttonFor("accounts:write", "New account", once(() => create(update)), { kind: "primary" })), page.element), side.element);
  function update() {
    page.show(listing);
    const { id } = values();
    if (!id) {
      side.stop();
      put(side.element);
      return;
    }
    side.show((signal) => detail(id, signal, update));
  }
  return { element, update, close: () => [page, side].forEach((region) => region.stop()) };
}

async function listing(signal) {
  const { cursor, id } = values();
  const { accounts, next } = await get(BASE, { limit: 50, cursor }, { signal });
  if (accounts.length === 0) return empty("There are no accounts yet. The first owner is made by “isobase user create --owner”.");
  return [
    table("Accounts", [
      { title: "Name", cell: (row) => row.username },
      { title: "E-mail", cell: (row) => row.email ?? "–" },
      { title: "Verified", cell: (row) => (row.verified ? badge("yes", "good") : badge("no")) },
      { title: "Role", cell: (row) => row.role },
      { title: "State", cell: (row) => (row.disabled ? badge("blocked", "bad") : badge("active", "good")) },
      { title: "Created", cell: (row) => timeOf(row.created_at) },
    ], accounts, {
      open: (row) => change({ id: row.id }),
      isOpen: (row) => String(row.id) === id,
      testId: (row) => `user-row-${row.id}`,
    }),
    h("div.actions", {},
      cursor && button("First", () => change({}, { reset: ["cursor"] })),
      next && button("More", () => change({ cursor: next }))),
  ];
}

async function detail(id, signal, again) {
  const row = await get(BASE + path(id), {}, { signal });
  const close = () => change({ id: null });
  const set = (body) => ask("PATCH", BASE + path(String(row.id)), { body });
  const role = field("Role", {
    options: [...new Set([...ROLES, row.role])].map((name) => [name, name]),
    value: row.role,
    onchange: once(async (event) => {
      await set({ role: event.target.value });
      again();
      toast(`${row.username} is ${event.target.value}.`, async () => {
        await set({ role: row.role });
        again();
      });
    }),
  });
  return panel(row.username, close,
    facts([
      ["E-mail", row.email],
      ["Verified", row.verified ? "yes" : "no"],
      ["State", row.disabled ? badge("blocked", "bad") : badge("active", "good")],
      ["Created", timeOf(row.created_at)],
    ]),
    may("admin") ? role : facts([["Role", row.role]]),
    row.role in WORKING && h("p.muted", {}, WORKING[row.role]),
    h("div.actions", {},
      buttonFor("accounts:write", row.disabled ? "Unblock" : "Block", once(async () => {
        await set({ disabled: !row.disabled });
        again();
        toast(row.disabled ? "Unblocked" : "Blocked, and signed out everywhere", async () => {
          await set({ disabled: row.disabled });
          again();
        });
      })),
      buttonFor("accounts:write", "Set a password", once(() => password(row, set))),
      buttonFor("accounts:write", "Delete", once(async () => {
        const sure = await confirm({
          title: `Delete ${row.username}`,
          text: "The account and its sessions are gone. What it owns follows the rules of its collections.",
          action: "Delete",
          word: row.username,
        });
        if (!sure) return;
        await ask("DELETE", BASE + path(String(row.id)));
        change({ id: null });
        again();
        toast("Deleted");
      }), { kind: "danger" })));
}

function create(again) {
  return dialog("New account", (close) => {
    const name = field("Name", { required: true, autocomplete: "off" });
    const email = field("E-mail", { type: "email", autocomplete: "off" });
    const secret = field("Password", { type: "password", required: true, minlength: PASSWORD_MIN, autocomplete: "new-password" }, `At least ${PASSWORD_MIN} characters.`);
    const roles = may("admin") ? ROLES : ["user"];
    const role = field("Role", { options: roles.map((one) => [one, WORKING[one] ? `${one}: ${WORKING[one]}` : one]), value: "user" });
    const told = h("div", { role: "alert" });
    return h("form", {
      onsubmit: async (event) => {
        event.preventDefault();
        try {
          await ask("POST", BASE, {
            body: {
              username: inputOf(name).value.trim(),
              email: inputOf(email).value.trim() || null,
              password: inputOf(secret).value,
              role: inputOf(role).value,
            },
          });
          close(true);
          again();
          toast("The account is made.");
        } catch (error) {
          put(told, h("p.bad", {}, error.message));
        }
      },
    }, name, email, secret, role, told, h("div.actions", {}, button("Cancel", () => close(false)), h("button.primary", { type: "submit" }, "Create account")));
  });
}

function password(row, set) {
  return dialog(`Set a password for ${row.username}`, (close) => {
    const secret = field("Password", { type: "password", required: true, minlength: PASSWORD_MIN, autocomplete: "new-password" }, "Their sessions end.");
    return h("form", {
      onsubmit: (event) => {
        event.preventDefault();
        set({ password: inputOf(secret).value }).then(() => {
          close(true);
          toast("The password is set.");
        }, (error) => put(secret.querySelector("small"), error.message));
      },
    }, secret, h("div.actions", {}, button("Cancel", () => close(false)), h("button.primary", { type: "submit" }, "Set password")));
  });
}
