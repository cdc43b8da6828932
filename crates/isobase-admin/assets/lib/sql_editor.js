// Where SQL is written: coloured behind what is typed, with words that complete it.

import { freshId, h, put } from "./dom.js";
import { tokensOf, wordAt } from "./sql_text.js";
import { field, inputOf } from "./ui.js";

/** A longer text is not coloured: each letter would take too long. */
const COLOURED_MAX = 20_000;
const SHOWN_MAX = 10;

/**
 * @param {{run: () => void, changed: (text: string) => void,
 *   complete: (text: string, place: {word: string, qualifier: string | null}) => Promise<{text: string, kind: string}[]>}} told
 */
export function sqlEditor({ run, changed, complete }) {
  const listId = freshId("completions");
  const whole = field("Statement", {
    tag: "textarea", rows: 8, spellcheck: "false", autocapitalize: "off", autocomplete: "off", autocorrect: "off",
    "data-testid": "sql-statement", "aria-autocomplete": "list", "aria-controls": listId,
  }, "Ctrl-Enter runs what is selected, or the statement at the cursor. Ctrl-Space completes. :name is a parameter, asked for below.");
  const input = inputOf(whole);
  const colours = h("pre.colours", { "aria-hidden": "true" });
  const list = h("ul.completions", { id: listId, role: "listbox", "aria-label": "Completions", hidden: true });
  const box = h("div.editor");
  input.replaceWith(box);
  put(box, colours, input, list);
  let [offered, active, asked, from] = [[], -1, 0, 0];

  function colour() {
    const text = input.value;
    const pieces = text.length > COLOURED_MAX ? [text] : tokensOf(text).map(({ kind, text: piece }) =>
      (["blank", "mark", "word", "cast"].includes(kind) ? piece : h(`span.t-${kind}`, {}, piece)));
    // The last line has a height although it is empty.
    put(colours, pieces, "\n");
  }

  function close() {
    asked += 1;
    [offered, active] = [[], -1];
    list.hidden = true;
    input.removeAttribute("aria-activedescendant");
  }

  function draw() {
    put(list, offered.map(({ text, kind }, at) => h("li", {
      id: `${listId}-${at}`, role: "option", "aria-selected": String(at === active),
      onmousedown: (event) => {
        event.preventDefault();
        take(at);
      },
    }, text, h("small.muted", {}, ` ${kind}`))));
    list.hidden = offered.length === 0;
    if (active < 0) input.removeAttribute("aria-activedescendant");
    else {
      input.setAttribute("aria-activedescendant", `${listId}-${active}`);
      list.children[active].scrollIntoView({ block: "nearest" });
    }
    if (!list.hidden) place();
  }

  /** Below the word that is being typed, within the width of the editor. */
  function place() {
    const range = document.createRange();
    const nodes = document.createTreeWalker(colours, NodeFilter.SHOW_TEXT);
    let [left, node] = [from, nodes.nextNode()];
    while (node && left > node.length) {
      left -= node.length;
      node = nodes.nextNode();
    }
    if (!node) return;
    range.setStart(node, left);
    const [caret, around] = [range.getBoundingClientRect(), box.getBoundingClientRect()];
    list.style.top = `${caret.bottom - around.top + box.scrollTop + 2}px`;
    list.style.left = `${Math.max(0, Math.min(caret.left - around.left, around.width - list.offsetWidth))}px`;
  }

  async function offer(isWanted) {
    const number = asked += 1;
    const [text, caret] = [input.value, input.selectionStart];
    const at = caret === input.selectionEnd ? wordAt(text, caret) : null;
    if (!at || (!isWanted && at.word.length < 2 && at.qualifier === null)) {
      close();
      return;
    }
    const found = await complete(text, at).catch(() => []);
    if (number !== asked) return;
    const typed = at.word.toLowerCase();
    const fits = found.filter((one) => one.text.replace(/^"/, "").toLowerCase().startsWith(typed) && one.text !== at.word);
    [offered, active, from] = [fits.slice(0, SHOWN_MAX), -1, at.from];
    draw();
  }

  function take(at) {
    input.setRangeText(offered[at].text, from, input.selectionStart, "end");
    close();
    typed();
  }

  function typed() {
    colour();
    changed(input.value);
  }

  input.addEventListener("input", () => {
    typed();
    offer(false);
  });
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    const control = event.ctrlKey || event.metaKey;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const isOpen = offered.length > 0;
    if (control && event.key === "Enter") {
      close();
      run();
    } else if (control && event.key === " ") {
      offer(true);
    } else if (isOpen && step && !control) {
      active = (active + step + offered.length + (active < 0 && step < 0 ? 1 : 0)) % offered.length;
      draw();
    } else if (isOpen && (event.key === "Tab" || event.key === "Enter") && !event.shiftKey && (active >= 0 || event.key === "Tab")) {
      take(Math.max(0, active));
    } else if (isOpen && event.key === "Escape") {
      event.stopPropagation();
      close();
    } else {
      if (event.key.startsWith("Arrow") || event.key === "Home" || event.key === "End") close();
      return;
    }
    event.preventDefault();
  });
  colour();
  return {
    element: whole,
    input,
    /** Shows another text. */
    set(text) {
      if (input.value === text) return;
      input.value = text;
      close();
      colour();
    },
    /** Selects a letter, where something is wrong. */
    mark(at) {
      input.focus();
      input.setSelectionRange(at, Math.min(input.value.length, at + 1));
    },
  };
}
