// One uploaded file: what it is, who names it, another in its place.

import { ask, get, path, post } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { bytes, counted, timeOf } from "../lib/format.js";
import { may } from "../lib/may.js";
import { badge, button, buttonFor, confirm, copyButton, dialog, facts, field, inputOf, once, panel, table, toast } from "../lib/ui.js";
import { Transfer } from "../lib/upload.js";
import { change } from "../lib/url.js";

export const BASE = "/api/v1/uploads";
/** Characters of a text file that are shown. */
const TEXT_SHOWN = 20_000;

export const nameOf = (file) => file.original || file.filename;
export const isPicture = (file) => /^image\/(png|jpeg|gif|webp)$/.test(file.content_type);
export const remove = (file) => ask("DELETE", BASE + path(file.filename));

/** Who may read it, and whether it goes by itself. */
export function stateOf(file) {
  return [
    file.private && [badge("private", "warn"), " "],
    file.state === "unused" && [badge("unused", "plain"), " goes ", timeOf(file.deleted_after)],
    file.state === "never_named" && h("span.muted", {}, "never named"),
  ];
}

/** The panel of a file by its name. */
export async function detail(filename, signal, again) {
  const one = BASE + path(filename);
  const [file, uses] = await Promise.all([get(one, {}, { signal }), get(`${one}/documents`, {}, { signal })]);
  const address = await addressOf(file, signal);
  const known = uses.documents.length + uses.hidden;
  return panel(nameOf(file), () => change({ file: null }),
    facts([
      ["Type", file.content_type],
      ["Size", `${bytes(file.size)} (${counted(file.size, "byte")})`],
      ["Owner", file.owner],
      ["Created", timeOf(file.created_at)],
      ["Stored as", h("code", {}, file.filename)],
      ["Who reads it", file.private ? "its sender, keys, and those who see a document that names it" : "everybody who knows its address"],
      file.deleted_after && ["Deleted", timeOf(file.deleted_after)],
    ].filter(Boolean)),
    h("div.actions", {},
      address && h("a", { href: address, download: nameOf(file) }, "Download"),
      copyButton("Copy the address", new URL(file.url, location.href).href),
      button("Signed link…", once(() => signedLink(file)), { "data-testid": "upload-link" }),
      buttonFor("uploads:write", "Rename…", once(() => rename(file, again)), { "data-testid": "upload-rename" }),
      buttonFor("uploads:write", "Replace…", once(() => replace(file, uses, again)), { "data-testid": "upload-replace" }),
      buttonFor("uploads:write", "Delete", once(async () => {
        const sure = await confirm({
          title: `Delete ${nameOf(file)}`,
          text: `The file is gone for good, and links to it stop working.${known > 0 ? ` ${counted(known, "field of a document names it", "fields of documents name it")}${uses.complete ? "" : ", or more"}.` : ""}`,
          action: "Delete",
          word: known > 0 ? "delete" : undefined,
        });
        if (!sure) return;
        await remove(file);
        change({ file: null });
        again();
        toast("Deleted");
      }), { kind: "danger", "data-testid": "upload-delete" })),
    usesView(file, uses),
    await preview(file, address, signal));
}

/** Where this page reads it: a private file by a link that is signed for an hour. None where it may not. */
async function addressOf(file, signal) {
  if (!file.readable) return null;
  return file.private ? (await ask("POST", `/api/upload${path(file.filename)}/link`, { signal })).data.url : file.url;
}

function usesView(file, { documents, hidden, complete }) {
  const none = { named: "No document names it now.", unused: "No document names it any more.", never_named: "No document ever named it in a field of the type file." };
  return h("section", { "data-testid": "upload-uses" }, h("h3", {}, "Named by"),
    documents.length > 0 ? table("Documents that name the file", [
      { title: "Document", cell: (one) => (may("read")
        ? h("a", { href: `/admin/data/${encodeURIComponent(one.collection)}?id=${encodeURIComponent(JSON.stringify(one.id))}` }, `${one.collection}/${one.id}`)
        : `${one.collection}/${one.id}`) },
      { title: "Field", cell: (one) => one.field },
    ], documents) : hidden === 0 && h("p.muted", {}, none[file.state]),
    hidden > 0 && h("p.muted", {}, `${counted(hidden, "document that you may not see names", "documents that you may not see name")} it.`),
    !complete && h("p.muted", {}, "There may be more."));
}

function rename(file, again) {
  return dialog(`Rename ${nameOf(file)}`, (close) => {
    const name = field("Name", { value: nameOf(file), required: true, maxlength: 255, autocomplete: "off" }, "The address stays, so nothing that names the file changes.");
    return h("form", {
      onsubmit: async (event) => {
        event.preventDefault();
        await once(async () => {
          const to = (original) => ask("PATCH", BASE + path(file.filename), { body: { original } });
          await to(inputOf(name).value);
          close(true);
          again();
          toast("Renamed", async () => { await to(file.original); again(); });
        })();
      },
    }, name, h("div.actions", {}, button("Cancel", () => close(false)), h("button.primary", { type: "submit" }, "Rename")));
  });
}

/** Another file takes the place of one in the documents that name it. */
function replace(file, uses, again) {
  const instead = async (old, other) => {
    const done = await post(`${BASE}${path(old)}/replace`, { with: other });
    change({ file: other });
    again();
    if (done.left.length > 0) toast(`${counted(done.left.length, "document")} could not be changed: ${done.left[0].detail}`).classList.add("bad");
    return done;
  };
  return dialog(`Replace ${nameOf(file)}`, (close) => {
    const pick = field("The other file", { type: "file" }, "It is an upload of its own. Every document that names this file names the other one then.");
    const shown = h("div", { role: "status" });
    return [
      uses.documents.length + uses.hidden === 0 && h("div.warning", {}, "No document names it: only those that hold its address know it, and they go on with the old one."),
      pick, shown,
      h("div.actions", {}, button("Cancel", () => close(false)), button("Replace", once(async () => {
        const [chosen] = inputOf(pick).files;
        if (!chosen) return;
        const transfer = new Transfer(chosen, ({ sent }) => put(shown, `${bytes(sent)} of ${bytes(chosen.size)}`));
        await transfer.run();
        if (transfer.state !== "done") throw transfer.error;
        const other = transfer.url.split("/").pop();
        const done = await instead(file.filename, other);
        close(true);
        toast(`${counted(done.documents, "document names", "documents name")} the other file now.`, () => instead(other, file.filename));
      }), { kind: "primary", "data-testid": "upload-replace-go" })),
    ];
  });
}

/** Nothing of a file is ever read as a page: pictures, sound and films by their elements, text as text. */
async function preview(file, address, signal) {
  const type = file.content_type;
  if (!address) return h("p.muted", {}, "You may not read this file.");
  const thumb = `${address}${address.includes("?") ? "&" : "?"}thumb=800x600f`;
  if (isPicture(file)) return h("img.preview", { src: thumb, alt: `Preview of ${nameOf(file)}` });
  if (/^image\//.test(type)) return h("img.preview", { src: address, alt: `Preview of ${nameOf(file)}` });
  // The browser shows it apart from every page; from here it is a frame and nothing else.
  if (type === "application/pdf") return h("iframe.preview", { src: `${address}${address.includes("?") ? "&" : "?"}preview=1`, title: `Preview of ${nameOf(file)}`, loading: "lazy", referrerpolicy: "no-referrer" });
  if (/^audio\//.test(type)) return h("audio.preview", { controls: true, preload: "none", src: address });
  if (/^video\//.test(type)) return h("video.preview", { controls: true, preload: "none", src: address });
  if (!/^text\/plain/.test(type)) return h("p.muted", {}, "There is no preview of such files.");
  const { text } = await ask("GET", address, { headers: { accept: "text/plain", range: `bytes=0-${TEXT_SHOWN - 1}` }, signal });
  return h("pre", { tabindex: "0", role: "region", "aria-label": "The beginning of the file" }, text);
}

function signedLink(file) {
  return dialog(`Link to ${nameOf(file)}`, (close) => {
    const until = field("It ends", { options: [["3600", "in an hour"], ["86400", "in a day"], ["604800", "in a week"]], value: "3600" });
    const shown = h("div", { role: "status" });
    return [h("p", {}, "Anyone who has the link reads the file until it ends, also a private one."), until, shown,
      h("div.actions", {}, button("Close", () => close(false)), button("Make it", once(async () => {
        const { data } = await ask("POST", `/api/upload${path(file.filename)}/link`, { query: { expires_in: inputOf(until).value } });
        const address = new URL(data.url, location.href).href;
        put(shown, h("p.secret", { "data-testid": "signed-link" }, address), copyButton("Copy", address));
      }), { kind: "primary" }))];
  });
}
