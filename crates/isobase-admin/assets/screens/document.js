// One document: its fields, its JSON, what it was before, what it refers to.

import { ask, freshKey, get, path } from "../lib/api.js";
import { besideView, diffView } from "../lib/diff.js";
import { h, put } from "../lib/dom.js";
import { cellText, count, timeOf } from "../lib/format.js";
import { hasExactNumbers, jsonViewer, pretty, without } from "../lib/json.js";
import { may } from "../lib/may.js";
import { badge, button, buttonFor, copyButton, dialog, facts, failure, field, inputOf, jsonView, once, panel, skeleton, tabs, toast } from "../lib/ui.js";
import { change, values } from "../lib/url.js";
import { placeOf } from "./cells.js";

/** Changes of a document that are looked for without being asked again: so many answers. */
const LOOKS = 10;
/** Fields of a form; documents with more are edited as JSON. */
const FORM_FIELDS_MAX = 60;

export const recordPath = (collection, id) => `/records${path(collection, String(id))}`;

/** The panel of the document that the address names. */
export async function documentPanel(collection, text, signal, again) {
  const id = JSON.parse(text);
  const answer = await ask("GET", recordPath(collection, id), { query: { meta: true }, signal });
  const { _meta: meta, ...body } = answer.data;
  const one = { collection, id, body, etag: answer.headers.get("etag"), text: without(without(answer.text, "_meta"), "id") };
  const { tab = "json" } = values();
  return panel(`${collection} ${id}`, () => change({ id: null, tab: null }),
    facts([
      ["Revision", meta?.revision],
      ["Created", timeOf(meta?.createdAt)],
      ["Changed", timeOf(meta?.updatedAt)],
    ]),
    h("div.actions", {},
      buttonFor("write", "Edit", once(() => edit(one, again)), { kind: "primary" }),
      buttonFor("write", "Duplicate", once(() => create(collection, one.text, again))),
      copyButton("Copy link", location.href),
      buttonFor("write", "Delete", once(() => remove(one, again)), { kind: "danger" })),
    tabs([
      ["json", "JSON", () => jsonViewer(hasExactNumbers(one.text) ? pretty(one.text) : without_(body), { name: `${collection}-${id}` })],
      may("write") && ["form", "Form", () => form(one, again)],
      ["history", "History", () => history(one, signal, again)],
      ["relations", "Relations", () => relations(one, signal)],
    ].filter(Boolean), { now: tab, choose: (name) => change({ tab: name === "json" ? null : name }, { replace: true }), label: "Parts of the document" }));
}

/** Two documents, line by line beside each other; the address names both. */
export async function comparison(collection, ids, signal) {
  const [one, other] = await Promise.all(ids.map(async (text) => (await ask("GET", recordPath(collection, JSON.parse(text)), { signal })).text));
  const titles = ids.map((text) => String(JSON.parse(text)));
  const shown = (text) => pretty(without(text, "id"));
  const element = panel(`${titles[0]} beside ${titles[1]}`, () => change({ id: null, compare: null }),
    h("div.actions", {}, button("One alone", () => change({ compare: null })), button("The other way round", () => change({ id: ids[1], compare: ids[0] }))),
    besideView(shown(one), shown(other), { titles, label: "Documents beside each other" }));
  element.classList.add("wide");
  return element;
}

function without_({ id: _, ...others }) {
  return others;
}

/** Deletes a document; the way back creates it again under its id. */
export async function remove({ collection, id, etag, text }, again) {
  await ask("DELETE", recordPath(collection, id), { headers: etag ? { "if-match": etag } : {} });
  change({ id: null });
  again();
  toast(`${collection} ${id} is deleted.`, async () => {
    await ask("PUT", recordPath(collection, id), { query: { upsert: true }, raw: text, type: "application/json", headers: { "if-none-match": "*" } });
    again();
  });
}

/** A new document; `text` is what the form begins with. */
export function create(collection, text, again) {
  const own = field("Id (optional)", { autocomplete: "off" }, "Empty: the next number.");
  return editor(`New document in ${collection}`, text, again, own, async (raw) => {
    const chosen = inputOf(own).value.trim();
    const options = { raw, type: "application/json" };
    if (chosen) return ask("PUT", recordPath(collection, chosen), { ...options, query: { upsert: true }, headers: { "if-none-match": "*" } });
    return ask("POST", `/records${path(collection)}`, { ...options, headers: { "idempotency-key": freshKey() } });
  });
}

/** Edits a document as JSON; one that somebody changed meanwhile is shown beside ours. */
function edit({ collection, id, etag, text }, again) {
  const place = recordPath(collection, id);
  let known = etag;
  const save = (raw) => ask("PUT", place, { raw, type: "application/json", headers: known ? { "if-match": known } : {} });
  return editor(`Edit ${collection} ${id}`, text, again, null, save, async (box, told) => {
    const now = await ask("GET", place, {});
    const theirs = pretty(without(now.text, "id"));
    const took = (answer) => { known = now.headers.get("etag"); put(told, answer); };
    put(told, h("p.bad", {}, "Somebody changed this document meanwhile. Theirs beside yours:"),
      diffView(theirs, inputOf(box).value),
      h("div.actions", {},
        button("Take theirs", () => { inputOf(box).value = theirs; took(null); }),
        button("Keep mine", () => took(h("p", {}, "Save writes yours over it.")))));
  });
}

function editor(title, text, again, own, save, conflicted) {
  return dialog(title, (close) => {
    const box = field("JSON", { tag: "textarea", spellcheck: "false", value: pretty(text) });
    const told = h("div", { role: "alert" });
    const go = once(async () => {
      put(told);
      const raw = inputOf(box).value;
      try {
        JSON.parse(raw);
      } catch (error) {
        put(told, h("p.bad", {}, `This is no JSON: ${placeOf(raw, error)}`));
        return;
      }
      try {
        await save(raw);
      } catch (error) {
        if (error.status === 412 && conflicted) await conflicted(box, told);
        else put(told, h("p.bad", {}, error.message), (error.errors ?? []).map((one) => h("p.bad", {}, `${one.pointer ?? one.field ?? ""} ${one.detail ?? one.message ?? ""}`)));
        return;
      }
      close(true);
      toast("Saved");
      again();
    });
    return [own, box, told, h("div.actions", {}, button("Cancel", () => close(false)), button("Save", go, { kind: "primary", "data-testid": "doc-save", "data-save": true }))];
  });
}

/** The members of the document as inputs; only those that were changed are sent. */
function form({ collection, id, etag, body }, again) {
  const names = Object.keys(body).filter((name) => name !== "id");
  if (names.length === 0) return h("p.muted", {}, "The document has no fields.");
  if (names.length > FORM_FIELDS_MAX) return h("p.muted", {}, `The document has ${count(names.length)} fields; edit it as JSON.`);
  const parts = names.map((name) => {
    const value = body[name];
    if (typeof value === "boolean") return [name, field(name, { options: [["true", "true"], ["false", "false"]], value: String(value) }), JSON.parse];
    if (typeof value === "number") return [name, field(name, { inputmode: "decimal", value: String(value) }), JSON.parse];
    if (typeof value === "string") return [name, value.length > 80 || value.includes("\n") ? field(name, { tag: "textarea", value }) : field(name, { value }), (text) => text];
    return [name, field(name, { tag: "textarea", spellcheck: "false", value: JSON.stringify(value, null, 2) }, "JSON"), JSON.parse];
  });
  const told = h("div", { role: "alert" });
  return h("form", {
    onsubmit: (event) => {
      event.preventDefault();
      save().catch((error) => put(told, h("p.bad", {}, error.status === 412 ? "Somebody changed this document meanwhile. Load it again to see theirs." : error.message)));
    },
  }, parts.map(([, element]) => element), told, h("div.actions", {}, h("button.primary", { type: "submit", "data-save": true, "data-testid": "form-save" }, "Save fields")));

  async function save() {
    const operations = [];
    const back = [];
    for (const [name, element, read] of parts) {
      let after;
      try {
        after = read(inputOf(element).value);
      } catch (error) {
        throw new Error(`${name}: ${error.message}`);
      }
      if (JSON.stringify(after) === JSON.stringify(body[name])) continue;
      const at = `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
      operations.push({ op: "add", path: at, value: after });
      back.push({ op: "add", path: at, value: body[name] });
    }
    if (operations.length === 0) {
      put(told, h("p", {}, "Nothing was changed."));
      return;
    }
    const send = (steps, tag) => ask("PATCH", recordPath(collection, id), { body: steps, type: "application/json-patch+json", headers: tag ? { "if-match": tag } : {} });
    const { headers } = await send(operations, etag);
    again();
    toast("Saved", async () => {
      await send(back, headers.get("etag"));
      again();
    });
  }
}

/** What the change feed keeps of the document, the latest first. */
function history({ collection, id, etag, body }, signal, again) {
  const place = h("div", { "data-testid": "doc-history" }, skeleton(3));
  const found = [];
  let since = "0";
  let more = true;
  const look = async () => {
    try {
      for (let asked = 0; asked < LOOKS && more; asked += 1) {
        const page = await get(`/records${path(collection)}/changes`, { since, id, include: "body", limit: 200 }, { signal });
        found.push(...page.changes);
        ({ next: since, more } = page);
      }
      if (!signal.aborted) draw();
    } catch (error) {
      if (error.name !== "AbortError") put(place, failure(error, look));
    }
  };
  const draw = () => {
    const entries = [...found].reverse();
    put(place,
      h("p.muted", {}, "From the change feed, which keeps changes for a while (changes.keep_for), and what documents were only for the collections that changes.bodies_of names."),
      more && h("div.warning", {}, `Only the older changes were looked through, up to `, timeOf(found.at(-1)?.at, "some point"), ". ", button("Look further", once(look))),
      entries.length === 0
        ? h("p", {}, more ? "None of them is of this document." : "The feed keeps no change of this document any more.")
        : h("ol.history", {}, entries.map((entry, at) => historyEntry(entry, entries[at + 1], { collection, id, etag, body, again }))));
  };
  look();
  return place;
}

const KINDS = { created: "good", updated: "warn", deleted: "bad", collection_deleted: "bad" };

function historyEntry(entry, former, { collection, id, etag, body, again }) {
  const kept = entry.body !== undefined;
  const isNow = kept && JSON.stringify(entry.body) === JSON.stringify(body);
  const place = h("div");
  const show = () => {
    if (place.firstChild) put(place);
    else if (former?.body) put(place, diffView(former.body, entry.body, "What this change did"));
    else put(place, former && !["deleted", "collection_deleted"].includes(former.kind) && h("p.muted", {}, "What it was before this change is not kept."), jsonView(entry.body));
  };
  return h("li", {}, badge(entry.kind.replace("_", " "), KINDS[entry.kind] ?? "plain"), " ", timeOf(entry.at), entry.revision && h("span.muted", {}, ` revision ${entry.revision}`),
    entry.body_omitted && h("span.muted", { "data-testid": "body-omitted" }, " what it was is not kept"),
    kept && h("div.actions", {},
      button("What changed", show),
      isNow ? h("span.muted", {}, "as it is now") : [
        button("Compare with now", () => put(place, diffView(entry.body, body, "From then to now"))),
        buttonFor("write", "Bring it back", once(async () => {
          const { id: _, ...former_ } = entry.body;
          const answer = await ask("PUT", recordPath(collection, id), { body: former_, headers: etag ? { "if-match": etag } : {} });
          again();
          toast(`${collection} ${id} is as it was.`, async () => {
            const { id: own, ...now } = body;
            await ask("PUT", recordPath(collection, id), { body: now, headers: { "if-match": answer.headers.get("etag") } });
            again();
          });
        })),
      ]),
    place);
}

/** Where the references of the document lead, as the schema of its collection declares them. */
function relations({ collection, body }, signal) {
  const place = h("div", {}, skeleton(2));
  const look = async () => {
    try {
      const schema = await get(`/collections${path(collection)}/schema`, {}, { signal, quiet: true }).catch((error) => {
        if (error.status === 404) return null;
        throw error;
      });
      const references = Object.entries(schema?.properties ?? {}).filter(([, of]) => of?.["x-reference"]);
      if (signal.aborted) return;
      if (references.length === 0) {
        put(place, h("p.muted", {}, "The collection declares no references."));
        return;
      }
      put(place, facts(references.map(([name, of]) => [name, linkTo(of["x-reference"], body[name])])));
    } catch (error) {
      if (error.name !== "AbortError") put(place, failure(error, look));
    }
  };
  look();
  return place;
}

function linkTo(collection, id) {
  if (id === undefined || id === null) return "–";
  const shown = `${collection} ${cellText(id, 40)}`;
  if (collection.startsWith("isobase_")) return shown;
  return h("a", { href: `/admin/data/${encodeURIComponent(collection)}?id=${encodeURIComponent(JSON.stringify(id))}` }, shown);
}
