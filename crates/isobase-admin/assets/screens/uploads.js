// Files that were uploaded: find, look at, bring in, hand on, delete.

import { ask, get, path } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { may } from "../lib/may.js";
import { bytes, count, counted, timeOf } from "../lib/format.js";
import { Region, badge, button, buttonFor, confirm, copyButton, dialog, empty, facts, field, inputOf, once, panel, table, toast } from "../lib/ui.js";
import { Transfer } from "../lib/upload.js";
import { change, values } from "../lib/url.js";

const BASE = "/api/v1/uploads";
const PAGE = 50;
/** Characters of a text file that are shown. */
const TEXT_SHOWN = 20_000;

export const PARAMETERS = ["cursor", "file", "as"];

export function open() {
  const page = new Region("section");
  const side = new Region("div");
  const transfers = transferList(() => update());
  const rows = new Map();
  const update = () => {
    page.show(async (signal) => {
      const answer = await get(BASE, { limit: PAGE, cursor: values().cursor }, { signal });
      rows.clear();
      answer.uploads.forEach((one) => rows.set(one.filename, one));
      const one = rows.get(values().file);
      if (one) side.show((asked) => detail(one, asked, update));
      else side.set();
      return listing(answer);
    });
  };
  const pick = field("Upload files", {
    type: "file",
    multiple: true,
    onchange: (event) => {
      transfers.add([...event.target.files]);
      event.target.value = "";
    },
  }, "Or drop them here, or paste them.");
  const left = h("div", {},
    h("div.filters", {}, may("uploads:write") && pick,
      button("As a list", () => change({ as: null }), { "aria-pressed": String(values().as !== "grid") }),
      button("As pictures", () => change({ as: "grid" }), { "aria-pressed": String(values().as === "grid") }),
      buttonFor("uploads:write", "Delete what is due", once(async () => {
        const sure = await confirm({ title: "Delete files that nothing names any more", text: "Files that documents have named, and none does any more, for as long as uploads.unused_for says.", action: "Delete them" });
        if (!sure) return;
        const { data } = await ask("POST", `${BASE}/sweep`);
        update();
        toast(`${counted(data.deleted, "file is", "files are")} deleted.`);
      }))),
    transfers.element, page.element);
  const paste = (event) => {
    if (event.target.closest?.("input,textarea") || !may("uploads:write")) return;
    if (event.clipboardData?.files.length) transfers.add([...event.clipboardData.files]);
  };
  if (may("uploads:write")) dropping(left, (files) => transfers.add(files));
  document.addEventListener("paste", paste);
  return {
    element: h("div.split", {}, left, side.element),
    update,
    close() {
      document.removeEventListener("paste", paste);
      transfers.close();
      page.stop();
      side.stop();
    },
  };
}

function dropping(element, take) {
  element.addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    element.classList.add("drop");
  });
  element.addEventListener("dragleave", (event) => { if (!element.contains(event.relatedTarget)) element.classList.remove("drop"); });
  element.addEventListener("drop", (event) => {
    element.classList.remove("drop");
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    take([...event.dataTransfer.files]);
  });
}

/** Files on their way, one after the other. */
function transferList(ended) {
  const element = h("ul.plain", { "data-testid": "transfers", "aria-label": "Files on their way" });
  const lines = new Map();
  let busy = false;
  const next = async () => {
    if (busy) return;
    const waiting = [...lines.keys()].find((one) => one.state === "waits");
    if (!waiting) return;
    busy = true;
    await waiting.run();
    busy = false;
    if (waiting.state === "done") {
      toast(`${waiting.file.name} is uploaded.`);
      forget(waiting);
      ended();
    }
    next();
  };
  const forget = (transfer) => {
    lines.get(transfer)?.remove();
    lines.delete(transfer);
  };
  const goOn = (transfer) => { transfer.state = "waits"; draw(transfer); next(); };
  const draw = (transfer) => {
    const line = lines.get(transfer);
    if (!line) return;
    const { state, file, sent, error } = transfer;
    put(line,
      h("span", {}, file.name, " ", state === "failed" ? badge("failed", "bad") : state === "paused" ? badge("paused", "warn") : null, error && h("span.bad", { role: "alert" }, ` ${error.message}`)),
      h("progress", { max: Math.max(1, file.size), value: sent, "aria-label": `${file.name}: ${bytes(sent)} of ${bytes(file.size)}` }),
      h("span", {}, `${bytes(sent)} of ${bytes(file.size)}`),
      state === "runs" && button("Pause", () => transfer.pause(), { "aria-label": `Pause ${file.name}` }),
      state === "paused" && button("Go on", () => goOn(transfer), { "aria-label": `Go on with ${file.name}` }),
      state === "failed" && button("Try again", () => goOn(transfer), { "aria-label": `Try ${file.name} again` }),
      button("Cancel", once(async () => { await transfer.cancel(); forget(transfer); }), { "aria-label": `Cancel ${file.name}` }));
  };
  return {
    element,
    add(files) {
      for (const file of files) {
        const transfer = new Transfer(file, draw);
        const line = h("li");
        lines.set(transfer, line);
        element.append(line);
        draw(transfer);
      }
      next();
    },
    close() {
      for (const transfer of lines.keys()) if (transfer.state === "runs") transfer.pause();
    },
  };
}

const nameOf = (file) => file.original || file.filename;
const isPicture = (file) => /^image\/(png|jpeg|gif|webp)$/.test(file.content_type);

function listing({ uploads, next }) {
  const { cursor, file: shown, as } = values();
  if (uploads.length === 0) return empty("Nothing has been uploaded yet. What people send to POST /api/upload appears here.");
  const view = as === "grid"
    ? h("div.grid-files", {}, uploads.map((file) => h("figure", { "data-testid": `upload-row-${file.filename}` },
      isPicture(file) ? h("img", { src: `${file.url}?thumb=300x200f`, alt: "", loading: "lazy" }) : h("p.muted", {}, file.content_type),
      h("figcaption", {}, button(nameOf(file), () => change({ file: file.filename }), { kind: "plain" }), h("span.muted", {}, ` ${bytes(file.size)}`)))))
    : table("Uploads", [
      { title: "Name", cell: nameOf },
      { title: "Owner", cell: (file) => file.owner },
      { title: "Type", cell: (file) => file.content_type },
      { title: "Size", cell: (file) => bytes(file.size), className: "number" },
      { title: "Created", cell: (file) => timeOf(file.created_at) },
    ], uploads, { open: (file) => change({ file: file.filename }), isOpen: (file) => file.filename === shown, testId: (file) => `upload-row-${file.filename}` });
  return [
    h("p.muted", {}, `${counted(uploads.length, "file")} on this page, ${bytes(uploads.reduce((sum, { size }) => sum + size, 0))}.`),
    view,
    h("div.actions", {},
      cursor && button("Newest", () => change({}, { reset: ["cursor", "file"] })),
      next && button("Older", () => change({ cursor: next }, { reset: ["file"] }))),
  ];
}

async function detail(file, signal, again) {
  return panel(nameOf(file), () => change({ file: null }),
    facts([
      ["Type", file.content_type],
      ["Size", `${bytes(file.size)} (${count(file.size)} bytes)`],
      ["Owner", file.owner],
      ["Created", timeOf(file.created_at)],
      ["Stored as", h("code", {}, file.filename)],
    ]),
    h("div.actions", {},
      h("a", { href: file.url, download: nameOf(file) }, "Download"),
      copyButton("Copy the address", new URL(file.url, location.href).href),
      button("Signed link…", once(() => signedLink(file)), { "data-testid": "upload-link" }),
      buttonFor("uploads:write", "Delete", once(async () => {
        const sure = await confirm({ title: `Delete ${nameOf(file)}`, text: "The file is gone for good, and links to it stop working, also those in documents.", action: "Delete" });
        if (!sure) return;
        await ask("DELETE", BASE + path(file.filename));
        change({ file: null });
        again();
        toast("Deleted");
      }), { kind: "danger", "data-testid": "upload-delete" })),
    await preview(file, signal));
}

/** Nothing of a file is ever read as a page: pictures, sound and films by their elements, text as text. */
async function preview(file, signal) {
  const type = file.content_type;
  if (isPicture(file)) return h("img.preview", { src: `${file.url}?thumb=800x600f`, alt: `Preview of ${nameOf(file)}` });
  if (/^image\//.test(type)) return h("img.preview", { src: file.url, alt: `Preview of ${nameOf(file)}` });
  if (/^audio\//.test(type)) return h("audio.preview", { controls: true, preload: "none", src: file.url });
  if (/^video\//.test(type)) return h("video.preview", { controls: true, preload: "none", src: file.url });
  if (!/^text\/plain/.test(type)) return h("p.muted", {}, "There is no preview of such files.");
  const { text } = await ask("GET", file.url, { headers: { accept: "text/plain", range: `bytes=0-${TEXT_SHOWN - 1}` }, signal });
  return h("pre", { tabindex: "0", role: "region", "aria-label": "The beginning of the file" }, text);
}

function signedLink(file) {
  return dialog(`Link to ${nameOf(file)}`, (close) => {
    const until = field("It ends", { options: [["3600", "in an hour"], ["86400", "in a day"], ["604800", "in a week"]], value: "3600" });
    const shown = h("div", { role: "status" });
    return [h("p", {}, "Whoever has the link reads the file until it ends, also a private one."), until, shown,
      h("div.actions", {}, button("Close", () => close(false)), button("Make it", once(async () => {
        const { data } = await ask("POST", `/api/upload${path(file.filename)}/link`, { query: { expires_in: inputOf(until).value } });
        const address = new URL(data.url, location.href).href;
        put(shown, h("p.secret", { "data-testid": "signed-link" }, address), copyButton("Copy", address));
      }), { kind: "primary" }))];
  });
}
