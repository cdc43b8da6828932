// Accounts: who may sign in, as what.

import { ask, get, path } from "../lib/api.js";
import { may } from "../lib/may.js";
import { debounced, h, put } from "../lib/dom.js";
import { count, counted, timeOf } from "../lib/format.js";
import { Region, badge, button, buttonFor, confirm, copyButton, dialog, empty, facts, field, form, inputOf, once, panel, table, toast } from "../lib/ui.js";
import { change, values } from "../lib/url.js";

export const PARAMETERS = ["id", "cursor", "q", "who"];

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
/** Accounts of a page; with a search those of many pages are looked through. */
const [PAGE, SEARCHED_PAGE, SEARCHED_MAX] = [50, 1_000, 20];

export function open({ overview }) {
  const page = new Region("section");
  const side = new Region("div");
  const set = (name) => debounced(300, (event) => change({ [name]: event.target.value }, { reset: ["cursor"], replace: true }));
  const now = values();
  const bar = h("div.filters", {},
    field("Find", { type: "search", value: now.q ?? "", oninput: set("q") }, "Part of a name or e-mail."),
    field("Who", { options: [["", "all"], ["working", "who work on the service"], ["blocked", "blocked"], ["unverified", "not verified"], ["second", "with a second factor"]], value: now.who ?? "", onchange: set("who") }),
    buttonFor("accounts:write", "New account", once(() => create(update)), { kind: "primary" }));
  const element = h("div.split", {}, h("div", {}, bar, page.element), side.element);
  function update() {
    page.show(listing);
    const { id } = values();
    if (!id) side.set();
    else side.show((signal) => detail(id, signal, update, overview()));
  }
  return { element, update, close: () => [page, side].forEach((region) => region.stop()) };
}

const KINDS = {
  working: (row) => row.role in WORKING,
  blocked: (row) => row.disabled,
  unverified: (row) => !row.verified,
  second: (row) => row.second_factor,
};

/** One page, or those of all pages that are searched for. */
async function load(signal) {
  const { cursor, q = "", who } = values();
  if (!q && !who) return { ...await get(BASE, { limit: PAGE, cursor, usage: true }, { signal }), isSearch: false };
  const found = [];
  const typed = q.trim().toLowerCase();
  let next;
  for (let asked = 0; asked < SEARCHED_MAX; asked += 1) {
    const answer = await get(BASE, { limit: SEARCHED_PAGE, cursor: next }, { signal });
    found.push(...answer.accounts.filter((row) =>
      (`${row.username} ${row.email ?? ""}`.toLowerCase().includes(typed)) && (KINDS[who]?.(row) ?? true)));
    ({ next } = answer);
    if (!next || found.length >= SEARCHED_PAGE) break;
  }
  return { accounts: found.slice(0, SEARCHED_PAGE), next: null, isSearch: true, more: Boolean(next) };
}

async function listing(signal) {
  const { cursor, id } = values();
  const { accounts, next, isSearch, more } = await load(signal);
  if (accounts.length === 0) {
    return isSearch
      ? empty("No account matches.", button("Clear filters", () => { change({}, { reset: ["q", "who"] }); location.reload(); }))
      : empty("There are no accounts yet. The first owner is made by the link that the service prints when it starts, or by “isobase user create --owner”.");
  }
  return [
    isSearch && h("p.muted", {}, counted(accounts.length, "account"), more && "; not all accounts were looked through"),
    table("Accounts", [
      { title: "Name", cell: (row) => row.username },
      { title: "E-mail", cell: (row) => row.email ?? "–" },
      { title: "Verified", cell: (row) => (row.verified ? badge("yes", "good") : badge("no")) },
      { title: "Role", cell: (row) => row.role },
      { title: "Second factor", cell: (row) => (row.second_factor ? badge("on", "good") : badge("off")) },
      { title: "State", cell: (row) => (row.disabled ? badge("blocked", "bad") : badge("active", "good")) },
      { title: "Created", cell: (row) => timeOf(row.created_at) },
      // A search looks through more accounts than are asked about; the panel tells of each.
      !isSearch && { title: "Last login", cell: (row) => timeOf(row.usage?.last_login_at) },
      !isSearch && { title: "Sessions", cell: (row) => count(row.usage?.sessions), className: "number" },
    ].filter(Boolean), accounts, {
      open: (row) => change({ id: row.id }),
      isOpen: (row) => String(row.id) === id,
      testId: (row) => `user-row-${row.id}`,
    }),
    h("div.actions", {},
      cursor && button("First", () => change({}, { reset: ["cursor"] })),
      next && button("More", () => change({ cursor: next }))),
  ];
}

/** Whether the one who looks may change such an account: none makes rights out of fewer. */
function mayChange(row, overview) {
  if (!may("accounts:write")) return false;
  if (row.role === "owner") return !overview?.role || overview.role === "owner";
  return may("admin") || !(row.role in WORKING);
}

async function detail(id, signal, again, overview) {
  const row = await get(BASE + path(id), {}, { signal });
  const { sessions } = await get(`${BASE}${path(id)}/sessions`, {}, { signal });
  const close = () => change({ id: null });
  const set = (body) => ask("PATCH", BASE + path(String(row.id)), { body });
  const changes = mayChange(row, overview);
  const roles = ROLES.filter((name) => name !== "owner" || !overview?.role || overview.role === "owner");
  const role = field("Role", {
    options: [...new Set([...roles, row.role])].map((name) => [name, name]),
    value: row.role,
    onchange: once(async (event) => {
      try {
        await set({ role: event.target.value });
      } finally {
        again();
      }
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
      ["Second factor", row.second_factor ? badge("on", "good") : badge("off")],
      ["Created", timeOf(row.created_at)],
      ["Last seen", timeOf(sessions.map((one) => one.last_used_at ?? one.created_at).sort().at(-1), "in no session that goes on")],
    ]),
    changes && may("admin") ? role : facts([["Role", row.role]]),
    row.role in WORKING && h("p.muted", {}, WORKING[row.role]),
    changes && h("div.actions", {}, actions(row, set, again), overview?.account && overview.role === "owner" && !overview.impersonated_by && row.role !== "owner" && !row.disabled && actAs(row)),
    h("h3", {}, `Sessions (${sessions.length})`), sessionsOf(row, sessions, changes, again),
    may("audit:read") && h("p", {}, h("a", { href: `/admin/audit?object_type=account&object_id=${encodeURIComponent(row.id)}` }, "What was done to this account"), " · ",
      h("a", { href: `/admin/audit?actor=${encodeURIComponent(`account:${row.id}`)}` }, "What it did")));
}

/** An owner sees what somebody sees; the frame says so until it ends. */
function actAs(row) {
  return button("Act as them…", once(async () => {
    const sure = await confirm({
      title: `Act as ${row.username}`,
      text: "For 15 minutes you see and do what this account does, but nothing that concerns passwords, sessions, keys or accounts. The audit names you as the one who did it, and a banner ends it.",
      action: "Act as them",
    });
    if (!sure) return;
    await ask("POST", `${BASE}${path(String(row.id))}/impersonate`);
    location.assign("/admin");
  }), { "data-testid": "user-impersonate" });
}

function actions(row, set, again) {
  return [
    button(row.disabled ? "Unblock" : "Block", once(async () => {
      await set({ disabled: !row.disabled });
      again();
      toast(row.disabled ? "Unblocked" : "Blocked, and signed out everywhere", async () => {
        await set({ disabled: row.disabled });
        again();
      });
    }), { "data-testid": "user-block" }),
    button("Set a password", once(() => password(row, set))),
    row.email && button(row.verified ? "Not verified" : "Verify", once(async () => {
      await set({ verified: !row.verified });
      again();
      toast(row.verified ? `${row.email} is not known to be right.` : `${row.email} is taken for right.`, async () => {
        await set({ verified: row.verified });
        again();
      });
    }), { "data-testid": "user-verify" }),
    row.email && button("Send a reset link", once(async () => {
      await ask("POST", "/api/login/reset", { body: { email: row.email } });
      toast(`If mail is set up, a letter goes to ${row.email}.`);
    })),
    row.second_factor && button("Switch the second factor off", once(async () => {
      const sure = await confirm({
        title: `Switch the second factor of ${row.username} off`,
        text: "Signing in then takes the password alone, until they set it up again. Be sure that it is them who ask. This is written to the audit.",
        action: "Switch off",
        word: row.username,
      });
      if (!sure) return;
      await set({ second_factor: false });
      again();
      toast("The second factor is off.");
    }), { kind: "danger", "data-testid": "user-second-off" }),
    button("Delete", once(async () => {
      const sure = await confirm({
        title: `Delete ${row.username}`,
        text: "The account and its sessions are gone. Documents that refer to it stay, lose the reference or go with it, as their collections declare; where one forbids it, nothing is deleted.",
        action: "Delete",
        word: row.username,
      });
      if (!sure) return;
      await ask("DELETE", BASE + path(String(row.id)));
      change({ id: null });
      again();
      toast("Deleted");
    }), { kind: "danger" }),
  ];
}

function sessionsOf(row, sessions, changes, again) {
  if (sessions.length === 0) return h("p.muted", {}, "None goes on.");
  const base = `${BASE}${path(String(row.id))}/sessions`;
  return [
    table(`Sessions of ${row.username}`, [
      { title: "Program", cell: (one) => one.agent ?? "unknown" },
      { title: "Begun", cell: (one) => timeOf(one.created_at) },
      { title: "Last used", cell: (one) => timeOf(one.last_used_at) },
      {
        title: "",
        cell: (one) => (one.current ? badge("this one", "good") : changes && button("End", once(async () => {
          await ask("DELETE", base + path(one.id));
          again();
          toast("The session is ended.");
        }), { "aria-label": `End the session of ${one.agent ?? one.kind}`, "data-testid": `user-session-${one.id}` })),
      },
    ], sessions),
    changes && h("div.actions", {}, button("End all of them", once(async () => {
      const sure = await confirm({ title: `Sign ${row.username} out`, text: `${counted(sessions.length, "session ends", "sessions end")}, yours too if it is among them.`, action: "End all" });
      if (!sure) return;
      await ask("DELETE", base);
      again();
      toast("Signed out everywhere");
    }), { kind: "danger", "data-testid": "user-sessions-end" })),
  ];
}

function create(again) {
  return dialog("New account", (close) => {
    const name = field("Name", { required: true, autocomplete: "off" });
    const email = field("E-mail", { type: "email", autocomplete: "off" });
    const secret = field("Password", { type: "password", required: true, minlength: PASSWORD_MIN, autocomplete: "new-password" }, `At least ${PASSWORD_MIN} characters.`);
    const roles = may("admin") ? ROLES : ["user"];
    const role = field("Role", { options: roles.map((one) => [one, WORKING[one] ? `${one}: ${WORKING[one]}` : one]), value: "user" });
    return form([name, email, secret, role], "Create account", async () => {
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
    }, close);
  });
}

/** A password that they are told: one of their own choice, or a random one that is shown once. */
function password(row, set) {
  return dialog(`Set a password for ${row.username}`, (close) => {
    const secret = field("Password", { type: "password", required: true, minlength: PASSWORD_MIN, autocomplete: "new-password" }, "Their sessions end.");
    const random = h("p.secret", { hidden: true });
    const copy = h("div");
    return form([secret, button("A random one", () => {
      const text = randomPassword();
      inputOf(secret).value = text;
      put(random, text);
      random.hidden = false;
      put(copy, copyButton("Copy", text), h("p.muted", {}, "It is shown only here: hand it over, and let them change it."));
    }), random, copy], "Set password", async () => {
      await set({ password: inputOf(secret).value });
      close(true);
      toast("The password is set.");
    }, close);
  });
}

/** 100 bits, in letters that are not taken for each other. */
function randomPassword() {
  const letters = "abcdefghjkmnpqrstuvwxyz23456789";
  const picked = [];
  while (picked.length < 20) {
    for (const byte of crypto.getRandomValues(new Uint8Array(32))) {
      if (byte < 248 && picked.length < 20) picked.push(letters[byte % letters.length]);
    }
  }
  return picked.join("").replace(/.{5}(?=.)/g, "$&-");
}
