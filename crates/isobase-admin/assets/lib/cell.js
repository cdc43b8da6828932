// Cells of a table that are edited in their place.

import { h, put } from "./dom.js";

/**
 * A cell that can be edited: by F2, Enter or a double click, and on a touch screen by a tap.
 * @param {{label: string, shown: unknown, waiting?: boolean, begin: (cell: HTMLElement) => void}} of
 */
export function cellButton({ label, shown, waiting = false, begin }) {
  const start = (event) => {
    event.preventDefault();
    event.stopPropagation();
    begin(cell);
  };
  const cell = h(`button.plain.cell${waiting ? ".waiting" : ""}`, {
    type: "button",
    tabindex: "-1",
    "aria-label": `${label}${waiting ? ", changed and not saved" : ""}`,
    onclick: (event) => { if (matchMedia("(pointer: coarse)").matches) start(event); },
    ondblclick: start,
    onkeydown: (event) => { if (event.key === "F2" || event.key === "Enter") start(event); else beside(event); },
  }, shown);
  return cell;
}

/** To the cell at the left or the right. */
export function beside(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const cells = [...event.target.closest("tr").querySelectorAll("button.open,button.cell")];
  event.preventDefault();
  cells[Math.max(0, Math.min(cells.length - 1, cells.indexOf(event.target) + step))]?.focus();
}

/**
 * An input in the place of a cell. Enter takes what was typed, Tab goes on with the next cell, Escape leaves
 * the cell as it was.
 * @param {HTMLElement} cell
 * @param {{label: string, text: string, take: (text: string) => boolean, more?: unknown,
 *   again: (step: number) => void}} of `take` says whether something is other than before, and throws for
 *   what the cell cannot be; `again` takes the focus to the cell, or to one at its side
 * @returns {{end: () => void}} what was done otherwise ends it
 */
export function editInPlace(cell, { label, text, take, again, more }) {
  const at = cell.closest("td");
  const told = h("span.bad", { role: "alert" });
  let over = false;
  const leave = (then = () => {}) => {
    over = true;
    put(at, cell);
    then();
  };
  const end = (then = () => {}) => {
    if (over) return;
    try {
      over = true;
      if (!take(input.value)) put(at, cell);
    } catch (error) {
      over = false;
      put(told, error.message);
      return;
    }
    then();
  };
  const input = h("input", {
    "aria-label": label,
    "data-testid": "cell-input",
    value: text,
    onkeydown: (event) => {
      if (event.key === "Escape") {
        event.preventDefault();
        event.stopPropagation();
        leave(() => again(0));
      } else if (event.key === "Enter" || event.key === "Tab") {
        event.preventDefault();
        end(() => again(event.key === "Tab" ? (event.shiftKey ? -1 : 1) : 0));
      }
    },
    onblur: () => end(),
  });
  put(at, input, more, told);
  input.focus();
  input.select();
  return { end: () => { over = true; } };
}

/** The focus to a cell of the table that was drawn again; one to the side goes on editing. */
export function focusCell(rowId, name, step) {
  const line = [...document.querySelectorAll("tbody tr")].find((one) => one.dataset.testid === rowId);
  const cells = [...(line?.querySelectorAll("button.cell") ?? [])];
  const at = cells.findIndex((one) => one.getAttribute("aria-label")?.startsWith(`${name} of `));
  const target = cells[Math.max(0, Math.min(cells.length - 1, at + step))];
  target?.focus();
  if (step && target && target !== cells[at]) target.dispatchEvent(new MouseEvent("dblclick", { bubbles: true, cancelable: true }));
}
