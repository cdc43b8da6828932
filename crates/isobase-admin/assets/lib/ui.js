// Parts that every screen uses: messages, dialogs, badges, tables, states.

import { freshId, h, put } from "./dom.js";
import { may } from "./may.js";

/** How long the way back stays open after a change that can be taken back. */
const UNDO_MS = 10_000;

let toasts;

/** Where messages appear. */
export function toastRegion() {
  toasts = h("div.toasts", { role: "status", "aria-live": "polite" });
  return toasts;
}

/**
 * Says what was done.
 * @param {string} text
 * @param {() => Promise<unknown>} [undo] takes it back
 */
export function toast(text, undo) {
  const close = () => entry.remove();
  const entry = h("div.toast", {}, h("span", {}, text));
  if (undo) {
    entry.append(button("Undo", once(async () => {
      close();
      await undo();
    }), { "data-testid": "toast-undo" }));
  }
  entry.append(h("button.icon", { type: "button", "aria-label": "Dismiss", onclick: close }, "×"));
  toasts.append(entry);
  while (toasts.children.length > 4) toasts.firstChild.remove();
  setTimeout(close, undo ? UNDO_MS : 6_000);
  return entry;
}

/** Takes the newest change back, if its message is still there. */
export function undoLast() {
  [...toasts.querySelectorAll("[data-testid=toast-undo]")].at(-1)?.click();
}

/** Shows an error where it happened. */
export function failure(error, again) {
  const id = error.requestId && h("code.muted", {}, ` request ${error.requestId}`);
  return h("div.failure", { role: "alert" },
    h("strong", {}, error.status === 403 ? "Your role cannot do this." : "This did not work."),
    h("p", {}, error.message, id),
    again && button("Try again", again));
}

/** Tells an error in a message. */
export function toastError(error) {
  const entry = toast(error.message);
  entry.classList.add("bad");
  entry.setAttribute("role", "alert");
}

export function button(text, onclick, properties = {}) {
  const { kind = "", ...others } = properties;
  return h(`button${kind && `.${kind}`}`, { type: "button", onclick, ...others }, text);
}

/** A {@link button} for those who may do what it does; none for others. */
export function buttonFor(takes, ...rest) {
  return may(takes) && button(...rest);
}

/** A listener that runs once at a time, with its button disabled meanwhile; errors are told. */
export function once(run) {
  return async (event) => {
    const target = event?.currentTarget;
    if (target?.disabled) return;
    if (target) target.disabled = true;
    try {
      await run(event);
    } catch (error) {
      if (error.name !== "AbortError") toastError(error);
    } finally {
      if (target) target.disabled = false;
    }
  };
}

/** A short word with a shape beside its colour. @param {"good"|"warn"|"bad"|"plain"} kind */
export function badge(text, kind = "plain") {
  const mark = { good: "●", warn: "▲", bad: "■", plain: "○" }[kind];
  return h(`span.badge.${kind}`, {}, h("span", { "aria-hidden": "true" }, `${mark} `), text);
}

/**
 * Asks before something that cannot be taken back.
 * @param {{title: string, text: string, action: string, word?: string}} question `word` must be
 *   typed when it is given
 * @returns {Promise<boolean>}
 */
export function confirm({ title, text, action, word }) {
  return dialog(title, (close) => {
    const go = button(action, () => close(true), { kind: "danger", disabled: Boolean(word) });
    const typed = word && field(`Type ${word} to go on`, {
      autocomplete: "off",
      oninput: (event) => { go.disabled = event.target.value !== word; },
    });
    return [h("p", {}, text), typed, h("div.actions", {}, button("Cancel", () => close(false)), go)];
  });
}

/**
 * A modal dialog; focus returns to where it was.
 * @param {(close: (value: any) => void) => unknown} content
 */
export function dialog(title, content) {
  return new Promise((resolve) => {
    const before = document.activeElement;
    const id = freshId("dialog");
    const element = h("dialog", { "aria-labelledby": id });
    const close = (value) => {
      element.close();
      element.remove();
      // What was there may have been drawn again.
      if (before?.isConnected) before.focus?.();
      resolve(value);
    };
    element.addEventListener("cancel", (event) => {
      event.preventDefault();
      close(false);
    });
    put(element, h("h2", { id }, title), content(close));
    document.body.append(element);
    element.showModal();
  });
}

/** A labelled input. */
export function field(label, properties = {}, hint = "") {
  const id = freshId("field");
  const { options, tag = options ? "select" : "input", ...others } = properties;
  const choices = options?.map(([value, text]) =>
    h("option", { value, selected: others.value === value }, text));
  const hintId = hint ? freshId("hint") : null;
  const input = h(tag, { id, "aria-describedby": hintId, ...others }, choices);
  if (options && others.value !== undefined) input.value = others.value;
  return h("div.field", {}, h("label", { for: id }, label), input,
    hint && h("small.muted", { id: hintId }, hint));
}

/**
 * A form of a dialog: what is refused is told beside its button, which sends once at a time.
 * @param {unknown} parts
 * @param {string} label of the button
 * @param {() => unknown} submit
 * @param {(value: any) => void} close
 */
export function form(parts, label, submit, close) {
  const told = h("div", { role: "alert" });
  return h("form", {
    onsubmit: async (event) => {
      event.preventDefault();
      const go = event.target.querySelector("[type=submit]");
      if (go.disabled) return;
      go.disabled = true;
      put(told);
      try {
        await submit();
      } catch (error) {
        put(told, h("p.bad", {}, error.message));
      } finally {
        go.disabled = false;
      }
    },
  }, parts, told, h("div.actions", {}, button("Cancel", () => close(false)), h("button.primary", { type: "submit" }, label)));
}

/**
 * Parts of which one is shown; the address says which.
 * @param {[string, string, () => unknown][]} parts name in the address, title, and what makes it
 * @param {{now: string, choose: (name: string) => void, label: string}} options
 */
export function tabs(parts, { now, choose, label }) {
  const shown = parts.find(([name]) => name === now) ?? parts[0];
  const id = freshId("tab");
  // Arrows choose: the focus goes with the choice, although the tabs are drawn again.
  const hasFocus = document.activeElement?.closest?.("[role=tablist]")?.getAttribute("aria-label") === label;
  if (hasFocus) setTimeout(() => document.getElementById(`${id}-${shown[0]}`)?.focus({ preventScroll: true }));
  const list = h("div.tabs", {
    role: "tablist",
    "aria-label": label,
    onkeydown: (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const at = parts.indexOf(shown);
      choose(parts[(at + step + parts.length) % parts.length][0]);
    },
  }, parts.map((part) => h("button", {
    type: "button",
    role: "tab",
    id: `${id}-${part[0]}`,
    "aria-selected": String(part === shown),
    "aria-controls": id,
    tabindex: part === shown ? "0" : "-1",
    "data-testid": `tab-${part[0]}`,
    onclick: () => choose(part[0]),
  }, part[1])));
  return [list, h("div", { role: "tabpanel", id, "aria-labelledby": `${id}-${shown[0]}`, tabindex: "0" }, shown[2]())];
}

/** The input of a {@link field}. */
export function inputOf(element) {
  return element.querySelector("input,select,textarea");
}

/**
 * A table that becomes a list of cards where it is narrow.
 * @param {string} caption
 * @param {{title: string, cell: (row: any) => unknown, className?: string, sort?: string}[]} columns
 * @param {any[]} rows
 * @param {{open?: (row: any) => void, onkey?: (event: KeyboardEvent) => void, testId?: (row: any) => string, isOpen?: (row: any) => boolean,
 *   select?: {has: (row: any) => boolean, change: (row: any, on: boolean) => void,
 *   name: (row: any) => string}, sort?: string, onsort?: (sort: string) => void}} [options]
 */
export function table(caption, columns, rows, options = {}) {
  const { open, select } = options;
  const head = columns.map(({ title, className, sort }) => {
    if (!sort || !options.onsort) return h("th", { scope: "col", class: className }, title);
    const [up, down] = [options.sort === sort, options.sort === `-${sort}`];
    const next = down ? sort : up ? `-${sort}` : sort;
    return h("th", { scope: "col", class: className, "aria-sort": up ? "ascending" : down ? "descending" : null },
      h("button.plain", { type: "button", onclick: () => options.onsort(next) }, title, up ? " ▲" : down ? " ▼" : ""));
  });
  const body = rows.map((row) => {
    const cells = columns.map(({ title, cell, className }, index) => {
      const content = cell(row);
      const inner = index === 0 && open
        ? h("button.plain.open", { type: "button", onclick: () => open(row), onkeydown: options.onkey }, content)
        : content;
      return h("td", { "data-label": title, class: className }, inner);
    });
    const box = select && h("td.select", {},
      h("input", {
        type: "checkbox",
        "aria-label": `Select ${select.name(row)}`,
        checked: select.has(row),
        onchange: (event) => select.change(row, event.target.checked),
      }));
    return h("tr", {
      "data-testid": options.testId?.(row),
      "aria-current": options.isOpen?.(row) ? "true" : null,
      onclick: open && ((event) => {
        if (!event.target.closest("button,a,input") && !getSelection().toString()) open(row);
      }),
    }, box, cells);
  });
  return h("div.table", { tabindex: "0", role: "region", "aria-label": caption },
    options.onsort && sortChoice(columns, options),
    h("table", {}, h("caption.hidden", {}, caption),
      h("thead", {}, h("tr", {}, select && h("th", { scope: "col" }, h("span.hidden", {}, "Select")), head)),
      h("tbody", {}, body)));
}

/** The order, where a table is narrow and its head is not shown. */
function sortChoice(columns, { sort, onsort }) {
  const orders = columns.filter((column) => column.sort).flatMap(({ title, sort: by }) => [[by, `${title}, up`], [`-${by}`, `${title}, down`]]);
  return h("div.narrow", {}, field("Order", {
    options: [["", "as stored"], ...orders],
    value: sort ?? "",
    onchange: (event) => onsort(event.target.value),
  }));
}

/** What is there when nothing is. */
export function empty(text, ...actions) {
  return h("div.empty", {}, h("p", {}, text), h("div.actions", {}, actions));
}

/** Stays out of sight when an answer is quick. */
export function skeleton(rows = 5) {
  const lines = Array.from({ length: rows }, () => h("div.line"));
  return h("div.skeleton", { "aria-hidden": "true" }, lines);
}

/**
 * Shows what a request answers: a skeleton before, an error instead, older content dimmed
 * meanwhile. An answer that was overtaken by a newer question is dropped.
 */
export class Region {
  constructor(className = "div") {
    this.element = h(className, { "aria-busy": "false" });
    this.asked = null;
  }

  /** @param {(signal: AbortSignal) => Promise<unknown>} run makes the content */
  async show(run) {
    this.asked?.abort();
    const asked = new AbortController();
    this.asked = asked;
    this.element.setAttribute("aria-busy", "true");
    const filled = this.element.firstChild && !this.element.querySelector(".failure");
    const waiting = filled ? null : setTimeout(() => put(this.element, skeleton()), 150);
    try {
      const content = await run(asked.signal);
      if (this.asked === asked) keepingFocus(this.element, () => put(this.element, content));
    } catch (error) {
      if (this.asked !== asked || error.name === "AbortError") return;
      const message = failure(error, () => this.show(run));
      this.element.querySelector(".failure")?.remove();
      if (filled) this.element.prepend(message);
      else put(this.element, message);
    } finally {
      clearTimeout(waiting);
      if (this.asked === asked) this.element.setAttribute("aria-busy", "false");
    }
  }

  /** Shows something that need not be asked for. */
  set(...content) {
    this.asked?.abort();
    this.asked = null;
    this.element.setAttribute("aria-busy", "false");
    keepingFocus(this.element, () => put(this.element, content));
  }

  /** Nothing is shown any more. */
  stop() {
    this.asked?.abort();
  }
}

/**
 * Shows each part when those above it are there, so that none is pushed down by what comes later.
 * @param {[HTMLElement, Promise<unknown> | undefined][]} parts from top to bottom
 */
export function inOrder(parts) {
  let above = Promise.resolve();
  for (const [element, there] of parts) {
    if (!element.dataset.shown) {
      element.hidden = true;
      above.then(() => {
        element.hidden = false;
        element.dataset.shown = "true";
      });
    }
    above = Promise.all([above, there]);
  }
}

/** The row that was open when its panel was closed: it gets the focus back. */
let leftRow = null;

/**
 * Draws a part again without taking the focus away: it goes to what stands in the same place, or to
 * the row whose panel was closed.
 */
function keepingFocus(element, draw) {
  const active = element.contains(document.activeElement) ? document.activeElement : null;
  const row = active?.closest("tr[data-testid]")?.dataset.testid;
  const within = (one) => [...one.querySelectorAll("button,a,input,select,textarea,summary,[tabindex]")];
  const at = active && within(row ? active.closest("tr") : element).indexOf(active);
  draw();
  if (active) {
    const place = row ? element.querySelector(`tr[data-testid="${CSS.escape(row)}"]`) : element;
    const next = place && within(place)[at];
    if (next && next.tagName === active.tagName) next.focus({ preventScroll: true });
  } else if (leftRow && document.activeElement === document.body) {
    const open = element.querySelector(`tr[data-testid="${CSS.escape(leftRow)}"] button.open`);
    if (!open) return;
    leftRow = null;
    open.focus({ preventScroll: true });
  }
}

/** A panel at the side, a sheet from below where it is narrow. */
export function panel(title, close, ...content) {
  const id = freshId("panel");
  const heading = h("h2", { id, tabindex: "-1" }, title);
  const leave = () => {
    leftRow = document.querySelector("main tr[aria-current][data-testid]")?.dataset.testid ?? null;
    close();
  };
  const element = h("aside.panel", { "aria-labelledby": id },
    h("header", {}, heading, h("button.icon", { type: "button", "aria-label": "Close", onclick: leave, "data-close": true }, "×")),
    content);
  // One that is drawn again leaves the focus where it is. It is in the page only after this.
  const isNew = document.querySelector("aside.panel h2")?.textContent !== heading.textContent;
  if (isNew) setTimeout(() => heading.focus({ preventScroll: true }));
  return element;
}

/** JSON as text that can be read, copied and searched by the browser. */
export function jsonView(value, max = 200_000) {
  const whole = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  const cut = whole.length > max;
  return h("div.json", {},
    h("div.actions", {}, copyButton("Copy", whole)),
    h("pre", { tabindex: "0", role: "region", "aria-label": "JSON" }, cut ? `${whole.slice(0, max)}…` : whole),
    cut && h("p.muted", {}, `Only the first ${max} of ${whole.length} characters are shown; Copy takes all.`));
}

/** Copies a text; where the browser does not let a page do that, shows it to be copied by hand. */
export async function copyText(text, told = "Copied") {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    toast(told);
    return;
  }
  await dialog("Copy this", (close) => {
    const box = field("Text", { tag: "textarea", readonly: true, value: text });
    queueMicrotask(() => inputOf(box).select());
    return [box, h("div.actions", {}, button("Close", () => close(true), { kind: "primary" }))];
  });
}

/** A button that copies a text. */
export function copyButton(label, text, properties = {}) {
  return button(label, once(() => copyText(text)), properties);
}

/** Names and values. @param {[string, unknown][]} pairs */
export function facts(pairs) {
  return h("dl.facts", {}, pairs.map(([name, value]) =>
    h("div", {}, h("dt", {}, name), h("dd", {}, value ?? "–"))));
}

/** Saves a text as a file of the user's. */
export function download(name, type, text) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = h("a", { href: address, download: name });
  link.click();
  URL.revokeObjectURL(address);
}
