// Other services that are told what happens, and what became of each delivery.

import { ask, get, path, post } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { count, timeOf } from "../lib/format.js";
import { may } from "../lib/may.js";
import { Region, badge, button, confirm, copyButton, dialog, empty, facts, field, inOrder, inputOf, jsonView, once, panel, table, toast } from "../lib/ui.js";
import { change, values } from "../lib/url.js";

export const PARAMETERS = ["id", "delivery", "state", "cursor"];

const BASE = "/api/v1/webhooks";
const DELIVERIES = "/api/v1/deliveries";
const TOPICS = [
  ["licences", "Licences: made, changed, revoked, activated"],
  ["accounts", "Accounts: made, changed, deleted"],
  ["uploads", "Uploads: files that come and go"],
  ["operations", "Jobs and backups"],
];
const STATES = { delivered: "good", pending: "warn", failed: "bad" };

export function open() {
  const page = new Region("section");
  const sent = new Region("section");
  const side = new Region("div");
  const bar = h("div.filters", {}, may("webhooks:write") && button("New webhook", once(() => edit(null, update)), { kind: "primary", "data-testid": "hook-new" }));
  const state = field("State", {
    options: [["", "all"], ["pending", "pending"], ["failed", "failed"], ["delivered", "delivered"]],
    value: values().state ?? "",
    onchange: (event) => change({ state: event.target.value }, { replace: true, reset: ["cursor"] }),
  });
  const below = h("div", {}, h("h2", {}, "Deliveries"), h("div.filters", {}, state, button("Refresh", () => update())), sent.element);
  function update() {
    const { id, delivery } = values();
    inOrder([[page.element, page.show((signal) => hooks(signal))], [below, sent.show((signal) => deliveries(signal))]]);
    if (delivery) side.show((signal) => deliveryPanel(delivery, signal, update));
    else if (id) side.show((signal) => hookPanel(id, signal, update));
    else {
      side.stop();
      put(side.element);
    }
  }
  const element = h("div.split", {}, h("div", {}, bar, page.element, below), side.element);
  return { element, update, close: () => [page, sent, side].forEach((region) => region.stop()) };
}

function stateOf(hook) {
  if (hook.disabled) return badge("disabled", "plain");
  return hook.failing_since ? badge("failing", "bad") : badge("active", "good");
}

async function hooks(signal) {
  const { id } = values();
  const { webhooks } = await get(BASE, {}, { signal });
  if (webhooks.length === 0) return empty("Nobody is told anything yet. A webhook is the address of a service of yours that hears of licences, documents, uploads or accounts.");
  return table("Webhooks", [
    { title: "Address", cell: (hook) => hook.url },
    { title: "Hears", cell: (hook) => hook.topics.join(", ") },
    { title: "State", cell: stateOf },
    { title: "Description", cell: (hook) => hook.description || "–" },
  ], webhooks, { open: (hook) => change({ id: hook.id, delivery: null }), isOpen: (hook) => hook.id === id, testId: (hook) => `hook-row-${hook.id}` });
}

async function deliveries(signal) {
  const { id, state, cursor, delivery } = values();
  const page = await get(DELIVERIES, { endpoint: id, state, cursor, limit: 30 }, { signal });
  if (page.deliveries.length === 0) return empty(state || id ? "No delivery matches." : "Nothing has been told yet.");
  return [
    table("Deliveries", [
      { title: "What", cell: (one) => one.kind },
      { title: "State", cell: (one) => badge(one.state, STATES[one.state]) },
      { title: "Answer", cell: (one) => one.status ?? "–" },
      { title: "Attempts", cell: (one) => count(one.attempts), className: "number" },
      { title: "When", cell: (one) => timeOf(one.created_at) },
    ], page.deliveries, { open: (one) => change({ delivery: one.id }), isOpen: (one) => one.id === delivery, testId: (one) => `delivery-row-${one.id}` }),
    h("div.actions", {},
      cursor && button("Newest", () => change({}, { reset: ["cursor"] })),
      page.next && button("Older", () => change({ cursor: page.next }))),
  ];
}

async function hookPanel(id, signal, again) {
  const hook = await get(BASE + path(id), {}, { signal });
  const set = (body) => ask("PATCH", BASE + path(hook.id), { body });
  return panel(hook.url, () => change({ id: null }),
    facts([
      ["State", stateOf(hook)],
      hook.disabled && ["Why", hook.disabled],
      hook.failing_since && ["Failing since", timeOf(hook.failing_since)],
      ["Hears", hook.topics.join(", ")],
      ["Description", hook.description || "–"],
      ["Made", timeOf(hook.created_at)],
      hook.former_secret_until && ["Former secret until", timeOf(hook.former_secret_until)],
      ["Id", h("code", {}, hook.id)],
    ].filter(Boolean)),
    may("webhooks:write") && h("div.actions", {},
      button("Send a test", once(async () => {
        await post(`${BASE}${path(hook.id)}/test`);
        toast("The test is on its way.");
        again();
      }), { "data-testid": "hook-test" }),
      button("Edit", once(() => edit(hook, again))),
      button(hook.disabled ? "Enable" : "Disable", once(async () => {
        await set({ disabled: !hook.disabled });
        again();
        toast(hook.disabled ? "It hears what happens from now on." : "Disabled. What happens meanwhile it never hears.", async () => {
          await set({ disabled: Boolean(hook.disabled) });
          again();
        });
      })),
      button("New secret", once(async () => {
        const sure = await confirm({ title: "Give it another secret", text: "For a day deliveries are signed with both, then with the new one alone.", action: "New secret" });
        if (!sure) return;
        await secret(await post(`${BASE}${path(hook.id)}/rotate`));
        again();
      })),
      button("Delete", once(async () => {
        const sure = await confirm({ title: "Delete the webhook", text: `${hook.url} is told nothing any more. Deliveries that wait are given up.`, action: "Delete" });
        if (!sure) return;
        await ask("DELETE", BASE + path(hook.id));
        change({ id: null });
        toast("Deleted");
      }), { kind: "danger" })));
}

async function deliveryPanel(id, signal, again) {
  const one = await get(DELIVERIES + path(id), {}, { signal });
  return panel(one.kind, () => change({ delivery: null }),
    facts([
      ["State", badge(one.state, STATES[one.state])],
      ["Happened", timeOf(one.created_at)],
      ["Attempts", count(one.attempts)],
      one.state === "pending" && ["Next attempt", timeOf(new Date(one.next_us / 1000).toISOString())],
      ["To", one.endpoint],
      ["Id", h("code", {}, one.id)],
    ].filter(Boolean)),
    may("webhooks:write") && h("div.actions", {}, button("Send again", once(async () => {
      await post(`${DELIVERIES}${path(one.id)}/resend`);
      toast("It is sent again.");
      again();
    }), { "data-testid": "delivery-resend" })),
    one.log.length > 0 && [h("h3", {}, "Attempts"), table("Attempts", [
      { title: "When", cell: (attempt) => timeOf(attempt.at) },
      { title: "Answer", cell: (attempt) => attempt.status ?? "none" },
      { title: "Took", cell: (attempt) => `${count(attempt.ms)} ms` },
      { title: "Told", cell: (attempt) => attempt.told || "–" },
    ], one.log)],
    h("h3", {}, "What is sent"), jsonView(pretty(one.body)));
}

function pretty(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Makes a webhook, or changes one. */
function edit(hook, again) {
  return dialog(hook ? "Edit the webhook" : "New webhook", (close) => {
    const url = field("Address", { type: "url", required: true, autocomplete: "off", value: hook?.url ?? "", placeholder: "https:" + "//example.com/hook" });
    const wanted = new Set(hook?.topics ?? ["licences"]);
    const boxes = TOPICS.map(([name, title]) => h("div.check", {}, h("label", {},
      h("input", { type: "checkbox", checked: wanted.has(name), onchange: (event) => (event.target.checked ? wanted.add(name) : wanted.delete(name)) }), " ", title)));
    const own = [...wanted].filter((name) => name.startsWith("documents:")).map((name) => name.slice(10));
    const collections = field("Documents of these collections", { autocomplete: "off", value: own.join(" ") }, "Names with blanks between; empty for none.");
    const description = field("Description", { autocomplete: "off", maxlength: 500, value: hook?.description ?? "" });
    const told = h("div", { role: "alert" });
    return h("form", {
      onsubmit: async (event) => {
        event.preventDefault();
        const names = inputOf(collections).value.split(/[\s,]+/).filter(Boolean).map((name) => `documents:${name}`);
        const topics = [...TOPICS.map(([name]) => name).filter((name) => wanted.has(name)), ...names];
        const body = { url: inputOf(url).value.trim(), topics, description: inputOf(description).value };
        try {
          const made = hook ? await ask("PATCH", BASE + path(hook.id), { body }) : await post(BASE, body);
          close(true);
          again();
          if (hook) toast("Saved");
          else await secret(made);
        } catch (error) {
          put(told, h("p.bad", {}, error.message));
        }
      },
    }, url, h("fieldset", {}, h("legend", {}, "It hears of"), boxes), collections, description, told,
    h("div.actions", {}, button("Cancel", () => close(false)), h("button.primary", { type: "submit" }, hook ? "Save" : "Create webhook")));
  });
}

function secret(made) {
  return dialog("The secret of the webhook", (done) => [
    h("p", {}, "Deliveries are signed with it, in the form of Standard Webhooks. It is shown only now:"),
    h("p.secret", { "data-testid": "hook-secret" }, made.secret),
    h("div.actions", {}, copyButton("Copy", made.secret), button("Close", () => done(true), { kind: "primary" })),
  ]);
}
