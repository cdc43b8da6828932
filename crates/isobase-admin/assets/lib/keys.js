// What keys do, wherever one is. Single letters are for those who do not type at the moment, and
// can be switched off.

import { undoLast } from "./ui.js";
import { go } from "./url.js";

/** How long a letter after `g` is waited for. */
const AFTER_G_MS = 1_500;

/** Whether single letters are shortcuts. */
export function lettersAre() {
  return localStorage.getItem("isobase.letters") !== "off";
}

/**
 * @param {{main: HTMLElement, palette: () => void, shortcuts: () => void,
 *   screens: () => [string, string][]}} of letters and addresses of the screens
 */
export function keysOf({ main, palette, shortcuts, screens }) {
  let afterG = 0;
  return (event) => {
    const control = event.ctrlKey || event.metaKey;
    const key = event.key.toLowerCase();
    if (control && key === "k") {
      event.preventDefault();
      palette();
      return;
    }
    if (control && key === "s") {
      const save = [...document.querySelectorAll("dialog[open] [data-save],main [data-save]")].find((one) => !one.disabled);
      if (save) event.preventDefault();
      save?.click();
      return;
    }
    const typing = event.target.closest?.("input:not([type=checkbox]),textarea,select,[contenteditable]");
    if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
    if (event.key === "Escape") {
      (document.querySelector("[data-close]") ?? document.querySelector("[data-clear]"))?.click();
      return;
    }
    if (typing) return;
    if (control && key === "z") {
      const own = document.querySelector("[data-undo]");
      event.preventDefault();
      if (own) own.click();
      else undoLast();
    }
    if (control || event.altKey) return;
    if (event.key.startsWith("Arrow")) {
      moveRow(main, event, event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0);
      return;
    }
    if (!lettersAre()) return;
    const screen = screens().find(([letter]) => letter === event.key);
    if (event.key === "/") {
      event.preventDefault();
      palette();
    } else if (event.key === "?") {
      shortcuts();
    } else if (event.key === "g") {
      afterG = Date.now();
    } else if (screen && Date.now() - afterG < AFTER_G_MS) {
      afterG = 0;
      go(screen[1]);
    } else if (event.key === "f") {
      const filter = main.querySelector("input[type=search],.filters input,.filters select");
      if (filter) event.preventDefault();
      filter?.focus();
    } else if (event.key === "x") {
      rowOf(main)?.querySelector("td.select input")?.click();
    } else if (event.key === "j" || event.key === "k") {
      moveRow(main, event, event.key === "j" ? 1 : -1);
    }
  };
}

/** The row that has the focus, or the open one. */
function rowOf(main) {
  return document.activeElement?.closest("tbody tr") ?? main.querySelector("tbody tr[aria-current]");
}

/**
 * Takes the focus to the next or the former row; with a row open beside, opens that one. With the
 * shift key both are selected.
 */
function moveRow(main, event, step) {
  if (step === 0) return;
  const rows = [...main.querySelectorAll("tbody tr")].filter((row) => row.querySelector("button.open"));
  if (rows.length === 0) return;
  const from = rowOf(main);
  const at = rows.indexOf(from);
  const inRow = document.activeElement?.closest("tbody tr");
  // Arrows scroll, unless somebody is in the rows.
  if (event.key.startsWith("Arrow") && !inRow) return;
  event.preventDefault();
  const next = rows[Math.max(0, Math.min(rows.length - 1, at + step))];
  if (event.shiftKey) for (const row of [from, next]) {
    const box = row?.querySelector("td.select input");
    if (box && !box.checked) box.click();
  }
  const isOpen = main.querySelector("aside.panel") && !inRow;
  const column = inRow ? [...inRow.querySelectorAll("button.open,button.cell")].indexOf(document.activeElement) : 0;
  const target = [...next.querySelectorAll("button.open,button.cell")][Math.max(0, column)] ?? next.querySelector("button.open");
  if (isOpen) next.querySelector("button.open").click();
  else target.focus();
}
