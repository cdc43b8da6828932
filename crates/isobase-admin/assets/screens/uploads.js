// Files that were uploaded: find, look at, bring in, hand on, delete.

import { ask, get } from "../lib/api.js";
import { debounced, h, put, svg } from "../lib/dom.js";
import { may } from "../lib/may.js";
import { bytes, count, counted, timeOf } from "../lib/format.js";
import { Region, badge, button, buttonFor, confirm, dialog, empty, field, once, table, toast } from "../lib/ui.js";
import { Transfer } from "../lib/upload.js";
import { change, values } from "../lib/url.js";
import { viewsButton } from "../lib/views.js";
import { BASE, detail, isPicture, nameOf, remove, stateOf } from "./upload.js";

const PAGE = 50;
const FILTERS = ["q", "type", "state", "private", "owner"];
const KINDS = [["", "Any"], ["image/", "Pictures"], ["video/", "Films"], ["audio/", "Sound"], ["text/", "Texts"], ["application/", "Others"]];
/** More than so many are deleted only when their number is typed. */
const MANY = 20;

export const PARAMETERS = [...FILTERS, "cursor", "file", "as"];

export function open() {
  const page = new Region("section");
  const side = new Region("div");
  const totals = new Region("div.muted");
  const bar = h("div");
  const bulk = h("div");
  const selected = new Map();
  const transfers = transferList(() => update());
  const update = () => {
    if (!bar.contains(document.activeElement)) put(bar, filters());
    const { file, cursor, as, ...wanted } = values();
    ways.forEach((way, index) => way.setAttribute("aria-pressed", String((as === "grid") === (index === 1))));
    page.show(async (signal) => listing(await get(BASE, { ...wanted, limit: PAGE, cursor }, { signal }), selected, drawBulk));
    totals.show(async (signal) => totalsOf(await get(`${BASE}/stats`, {}, { signal })));
    drawBulk();
    if (file) side.show((asked) => detail(file, asked, update));
    else side.set();
  };
  const drawBulk = () => put(bulk, selected.size > 0 && bulkBar(selected, update));
  const ways = [["As a list", null], ["As pictures", "grid"]].map(([title, as]) => button(title, () => change({ as })));
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
      ways,
      buttonFor("uploads:write", "Delete what is due", once(async () => {
        const sure = await confirm({ title: "Delete files that nothing names any more", text: "Files that documents have named, and none does any more, for as long as uploads.unused_for says.", action: "Delete them" });
        if (!sure) return;
        const { data } = await ask("POST", `${BASE}/sweep`);
        update();
        toast(`${counted(data.deleted, "file is", "files are")} deleted.`);
      })),
      button("Lost bytes…", once(() => strays(update)), { "data-testid": "upload-strays" }), viewsButton()),
    totals.element, bar, bulk,
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
      [page, side, totals].forEach((region) => region.stop());
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

function filters() {
  const now = values();
  const reset = ["cursor"];
  const set = (name) => debounced(300, (event) => change({ [name]: event.target.value }, { reset, replace: true }));
  return h("div.filters", {},
    field("Search", { type: "search", value: now.q ?? "", oninput: set("q"), "data-testid": "upload-search" }, "A part of the name."),
    field("Kind", { options: KINDS, value: now.type ?? "", onchange: set("type") }),
    field("Named by documents", {
      options: [["", "Any"], ["named", "Named"], ["unused", "No more"], ["never_named", "Never"]],
      value: now.state ?? "",
      onchange: set("state"),
      "data-testid": "upload-filter-state",
    }),
    field("Who reads it", { options: [["", "Any"], ["true", "Private"], ["false", "Everybody"]], value: now.private ?? "", onchange: set("private") }),
    now.owner && button(`of ${now.owner} ×`, () => change({ owner: null }, { reset }), { title: "Remove this filter" }));
}

function totalsOf({ files, bytes: size, by_kind: kinds, unused, never_named: never, complete }) {
  if (files === 0) return null;
  const largest = Object.entries(kinds).sort(([, a], [, b]) => b.bytes - a.bytes);
  return h("div", { "data-testid": "upload-totals" }, storageBar(largest, size),
    `${complete ? "" : "More than "}${counted(files, "file")}, ${bytes(size)}: ${largest.map(([kind, of]) => `${kind} ${bytes(of.bytes)}`).join(", ")}. `,
    unused.files > 0 && `${counted(unused.files, "file is", "files are")} no longer named by a document (${bytes(unused.bytes)}). `,
    never.files > 0 && `${counted(never.files, "file was", "files were")} never named by one.`);
}

const SHADES = ["s-info", "s-ok", "s-client", "s-server"];

/** Which kind takes how much of the bytes; the text beside it says the same. */
function storageBar(kinds, all) {
  if (all === 0) return null;
  let x = 0;
  return svg("svg.storage", { viewBox: "0 0 400 8", height: 8, "aria-hidden": "true", preserveAspectRatio: "none" }, kinds.map(([, of], at) => {
    const width = (of.bytes / all) * 400;
    x += width;
    return svg(`rect.${SHADES[at % SHADES.length]}`, { x: x - width, width: Math.max(0, width - 1), y: 0, height: 8 });
  }));
}

function listing({ uploads, next }, selected, onselect) {
  const { cursor, file: shown, as, ...wanted } = values();
  const older = h("div.actions", {},
    cursor && button("Newest", () => change({}, { reset: ["cursor", "file"] })),
    next && button("Older", () => change({ cursor: next }, { reset: ["file"] })));
  if (uploads.length === 0) {
    if (next) return [h("p.muted", {}, "None among those that were looked at."), older];
    return FILTERS.some((name) => wanted[name])
      ? empty("No file matches.", button("Clear filters", () => change({}, { reset: [...FILTERS, "cursor"] })))
      : empty("Nothing has been uploaded yet. What people send to POST /api/upload appears here.");
  }
  const view = as === "grid"
    ? h("div.grid-files", {}, uploads.map((file) => h("figure", { "data-testid": `upload-row-${file.filename}` },
      isPicture(file) && !file.private ? h("img", { src: `${file.url}?thumb=300x200f`, alt: "", loading: "lazy" }) : h("p.muted", {}, file.content_type),
      h("figcaption", {}, button(nameOf(file), () => change({ file: file.filename }), { kind: "plain" }), h("span.muted", {}, ` ${bytes(file.size)} `), file.private && badge("private", "warn")))))
    : table("Uploads", [
      { title: "Name", cell: nameOf },
      { title: "Owner", cell: (file) => button(file.owner, () => change({ owner: file.owner }, { reset: ["cursor"] }), { kind: "plain", title: "Files of this owner" }) },
      { title: "Type", cell: (file) => file.content_type },
      { title: "Size", cell: (file) => bytes(file.size), className: "number" },
      { title: "State", cell: stateOf },
      { title: "Created", cell: (file) => timeOf(file.created_at) },
    ], uploads, {
      open: (file) => change({ file: file.filename }),
      isOpen: (file) => file.filename === shown,
      testId: (file) => `upload-row-${file.filename}`,
      select: may("uploads:write") && {
        has: (file) => selected.has(file.filename),
        change(file, on) {
          if (on) selected.set(file.filename, file);
          else selected.delete(file.filename);
          onselect();
        },
        name: nameOf,
      },
    });
  return [view, older];
}

function bulkBar(selected, again) {
  const files = [...selected.values()];
  const size = bytes(files.reduce((sum, file) => sum + file.size, 0));
  return h("div.filters", { "data-testid": "upload-bulk", role: "group", "aria-label": "For the selected files" },
    h("strong", {}, `${count(files.length)} selected, ${size}`),
    button("Delete", once(async () => {
      const named = files.filter((file) => file.state === "named").length;
      const sure = await confirm({
        title: `Delete ${counted(files.length, "file")}`,
        text: `They are gone for good, and links to them stop working.${named > 0 ? ` Documents name ${count(named)} of them.` : ""}`,
        action: "Delete",
        word: files.length > MANY || named > 0 ? String(files.length) : undefined,
      });
      if (!sure) return;
      let deleted = 0;
      try {
        for (const file of files) {
          await remove(file);
          selected.delete(file.filename);
          deleted += 1;
        }
      } finally {
        again();
        toast(`${counted(deleted, "file is", "files are")} deleted.`);
      }
    }), { kind: "danger", "data-testid": "upload-delete-selected" }),
    button("Clear", () => { selected.clear(); again(); }, { "data-clear": true }));
}

/** What lies where files are kept and belongs to no upload. */
async function strays(again) {
  const found = await get(`${BASE}/strays`);
  const number = found.strays.length;
  if (number === 0) {
    toast(found.complete ? "No bytes are lost: everything that lies there belongs to an upload." : "None was found in time.");
    return;
  }
  const sure = await dialog("Bytes that belong to no upload", (close) => [
    h("p", {}, `${counted(number, "file")}, ${bytes(found.bytes)}${found.complete ? "" : ", and there may be more"}. A process that was killed left them, or the database was restored to a time before them: then restore the newer one instead.`),
    table("Bytes that belong to no upload", [
      { title: "Name", cell: (one) => one.filename },
      { title: "Size", cell: (one) => bytes(one.size), className: "number" },
      { title: "Written", cell: (one) => timeOf(one.modified_at) },
    ], found.strays.slice(0, 100)),
    h("div.actions", {}, button("Close", () => close(false)),
      buttonFor("uploads:write", `Delete ${number === 1 ? "it" : "them"}`, () => close(true), { kind: "danger" }))]);
  if (!sure) return;
  const { data } = await ask("DELETE", `${BASE}/strays`);
  again();
  toast(`${counted(data.strays.length, "file is", "files are")} deleted, ${bytes(data.bytes)}.`);
}
