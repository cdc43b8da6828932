// JSON that people look at: as a tree with a search, or as text.

import { h, put } from "./dom.js";
import { bytes, count } from "./format.js";
import { button, copyButton, copyText, download, once } from "./ui.js";

/** Above these a part is shown, and the whole is for a download. */
const [CHARACTERS_MAX, NODES_MAX] = [2_000_000, 20_000];
/** Characters of a text that is too long to be shown whole. */
const PREVIEW = 100_000;
/** Above so many nodes the text is shown first: a tree of them takes long to draw. */
const TREE_NODES = 3_000;
/** Levels that are open. */
const OPEN_LEVELS = 2;

function nodesOf(value) {
  let nodes = 0;
  const waiting = [value];
  while (waiting.length > 0 && nodes <= NODES_MAX) {
    const one = waiting.pop();
    nodes += 1;
    if (one !== null && typeof one === "object") for (const inner of Object.values(one)) waiting.push(inner);
  }
  return nodes;
}

/**
 * Shows a value: collapsed, searched, copied by value or path, as text, wrapped or not.
 * @param {unknown} value a text that is no JSON is shown as it is
 * @param {{name?: string}} [options] `name` is that of the file of a download
 */
export function jsonViewer(value, { name = "value" } = {}) {
  const isText = typeof value === "string";
  const whole = isText ? value : JSON.stringify(value, null, 2);
  const nodes = isText ? 1 : nodesOf(value);
  const large = whole.length > CHARACTERS_MAX || nodes > NODES_MAX;
  const canTree = !isText && value !== null && typeof value === "object" && !large;
  const place = h("div");
  let asTree = canTree && nodes <= TREE_NODES;
  let wrapped = true;
  const told = h("span.muted", { role: "status" });
  const text = (shown = large ? whole.slice(0, PREVIEW) : whole) =>
    h(`pre${wrapped ? "" : ".wide"}`, { tabindex: "0", role: "region", "aria-label": "JSON" }, shown);
  const draw = () => {
    put(place, asTree ? tree(value) : text());
    put(told, large && `Too large to be shown whole (${bytes(whole.length)}, ${nodes > NODES_MAX ? "over " : ""}${count(Math.min(nodes, NODES_MAX))} nodes): the first ${count(PREVIEW)} characters.`);
    search.box.hidden = !asTree;
    swap.textContent = asTree ? "As text" : "As tree";
  };
  const swap = button("As text", () => { asTree = !asTree; draw(); });
  const wrap = button("Wrap: on", () => {
    wrapped = !wrapped;
    wrap.textContent = `Wrap: ${wrapped ? "on" : "off"}`;
    asTree = false;
    draw();
  });
  const search = searching(place);
  const bar = h("div.actions", {}, search.box, canTree && swap, wrap, copyButton("Copy", whole),
    button("Download", () => download(`${name}.${isText ? "txt" : "json"}`, isText ? "text/plain" : "application/json", whole)),
    large && button("Open raw", () => put(place, text(whole))));
  draw();
  return h("div.json", {}, bar, told, place);
}

function tree(value) {
  return h("div.tree", { "data-tree": true }, branch(value, "", 0));
}

function branch(value, at, level) {
  const entries = Array.isArray(value) ? value.map((one, index) => [index, one]) : Object.entries(value);
  return h("ul", {}, entries.map(([key, one]) => {
    const place = pathOf(at, key, Array.isArray(value));
    const label = h("button.plain.key", { type: "button", title: `Copy the path ${place}`, onclick: copying(place, "The path is copied.") }, String(key));
    if (one === null || typeof one !== "object") {
      const shown = JSON.stringify(one);
      return h("li", { "data-leaf": `${key} ${shown}` }, label, ": ",
        h(`button.plain.${one === null ? "null" : typeof one}`, { type: "button", title: "Copy the value", onclick: copying(typeof one === "string" ? one : shown, "The value is copied.") }, shown));
    }
    const size = Object.keys(one).length;
    if (size === 0) return h("li", { "data-leaf": String(key) }, label, `: ${Array.isArray(one) ? "[]" : "{}"}`);
    const inner = h("details", { open: level < OPEN_LEVELS - 1 });
    // What is closed is drawn when it is opened first.
    const fill = () => {
      if (inner.children.length === 1) inner.append(branch(one, place, level + 1));
    };
    inner.append(h("summary", {}, `${key}: ${Array.isArray(one) ? `[${count(size)}]` : `{${count(size)}}`}`));
    inner.fill = fill;
    inner.addEventListener("toggle", () => { if (inner.open) fill(); });
    if (inner.open) fill();
    return h("li", { "data-leaf": String(key) }, inner);
  }));
}

function pathOf(at, key, isIndex) {
  if (isIndex) return `${at}[${key}]`;
  if (/^[A-Za-z_$][\w$]*$/.test(key)) return at ? `${at}.${key}` : String(key);
  return `${at}[${JSON.stringify(key)}]`;
}

const copying = (text, told) => once(async () => {
  await copyText(text, told);
});

/** A search within the tree of a place: marks hits, tells their number, Enter goes to the next. */
function searching(place) {
  const told = h("span.muted", { role: "status" });
  let hits = [];
  let at = -1;
  const find = (typed) => {
    for (const one of place.querySelectorAll(".hit")) one.classList.remove("hit");
    hits = [];
    at = -1;
    if (typed === "") return put(told);
    // Closed parts are drawn first: they may hold it. Drawn parts may hold further closed ones.
    for (let closed = [...place.querySelectorAll("details")]; closed.length > 0;) {
      const before = new Set(place.querySelectorAll("details"));
      closed.forEach((one) => one.fill());
      closed = [...place.querySelectorAll("details")].filter((one) => !before.has(one));
    }
    hits = [...place.querySelectorAll("[data-leaf]")].filter((one) => one.dataset.leaf.toLowerCase().includes(typed));
    for (const hit of hits) {
      hit.classList.add("hit");
      for (let up = hit.parentElement.closest("details"); up; up = up.parentElement.closest("details")) up.open = true;
    }
    put(told, hits.length === 0 ? "no hit" : `${count(hits.length)} ${hits.length === 1 ? "hit" : "hits"}`);
  };
  const input = h("input", {
    type: "search",
    "aria-label": "Search in the JSON",
    placeholder: "Search",
    "data-testid": "json-search",
    oninput: (event) => find(event.target.value.trim().toLowerCase()),
    onkeydown: (event) => {
      if (event.key !== "Enter" || hits.length === 0) return;
      event.preventDefault();
      at = (at + (event.shiftKey ? hits.length - 1 : 1)) % hits.length;
      hits[at].scrollIntoView({ block: "nearest" });
      hits[at].querySelector("button,summary")?.focus();
      input.focus();
      put(told, `${count(at + 1)} of ${count(hits.length)}`);
    },
  });
  return { box: h("span", {}, input, " ", told) };
}

/**
 * JSON text as pieces: marks, texts, numbers and words, as they stand there. Reading numbers would
 * round those with many digits.
 */
function pieces(text) {
  return text.match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g) ?? [];
}

/** Valid JSON text with line breaks; every number as it is. */
export function pretty(text) {
  const all = pieces(text);
  let [out, depth] = ["", 0];
  const line = () => `\n${"  ".repeat(depth)}`;
  all.forEach((piece, at) => {
    const isEmpty = /[{[]/.test(piece) && /[}\]]/.test(all[at + 1] ?? "");
    const closesEmpty = /[}\]]/.test(piece) && /[{[]/.test(all[at - 1] ?? "");
    if ("{[".includes(piece) && piece.length === 1) {
      depth += 1;
      out += piece + (isEmpty ? "" : line());
    } else if ("}]".includes(piece) && piece.length === 1) {
      depth -= 1;
      out += (closesEmpty ? "" : line()) + piece;
    } else if (piece === ",") out += `,${line()}`;
    else if (piece === ":") out += ": ";
    else out += piece;
  });
  return out;
}

/** Valid text of an object without one of its members. */
export function without(text, name) {
  const all = pieces(text);
  const kept = [];
  let depth = 0;
  let skipped = false;
  all.forEach((piece, at) => {
    if (depth === 1 && all[at + 1] === ":" && (all[at - 1] === "{" || all[at - 1] === ",")) skipped = JSON.parse(piece) === name;
    const closes = depth === 1 && piece === "}";
    const parts = depth === 1 && piece === ",";
    if (piece === "{" || piece === "[") depth += 1;
    if (piece === "}" || piece === "]") depth -= 1;
    if (closes) {
      if (kept.at(-1) === "," && kept.length > 1) kept.pop();
      kept.push(piece);
    } else if (!skipped) kept.push(piece);
    if (parts) skipped = false;
  });
  return kept.join("");
}

/** Whether reading the text would change one of its numbers. */
export function hasExactNumbers(text) {
  return pieces(text).some((piece) => /^-?\d/.test(piece) && String(Number(piece)) !== piece);
}
