// Which columns of a table are shown: the address says it.

import { h } from "./dom.js";
import { button, dialog, once } from "./ui.js";
import { change, values } from "./url.js";

/**
 * The columns that are shown, in their order.
 * @template {{title: string, key?: string, hidden?: boolean}} Column `hidden` ones are shown when asked for
 * @param {Column[]} columns
 * @returns {Column[]}
 */
export function chosen(columns) {
  const { columns: asked } = values();
  if (asked === undefined) return columns.filter(({ hidden }) => !hidden);
  const names = new Set(asked.split(","));
  const shown = columns.filter((column, at) => at === 0 || names.has(keyOf(column)));
  return shown.length > 1 ? shown : columns.filter(({ hidden }) => !hidden);
}

/** A name without commas: they part the names in the address. */
function keyOf({ key, title }) {
  return encodeURIComponent(key ?? title.toLowerCase());
}

/** A button that lets people choose; the first column always stays. */
export function columnsButton(columns) {
  return button("Columns…", once(() => dialog("Columns", (close) => {
    const shown = new Set(chosen(columns).map(keyOf));
    const boxes = columns.slice(1).map((column) => h("div.check", {}, h("label", {}, h("input", {
      type: "checkbox",
      checked: shown.has(keyOf(column)),
      onchange: (event) => (event.target.checked ? shown.add(keyOf(column)) : shown.delete(keyOf(column))),
    }), " ", column.title || "(no name)")));
    return [boxes, h("div.actions", {},
      button("As it was", () => { close(true); change({ columns: null }); }),
      button("Cancel", () => close(false)),
      button("Show", () => {
        close(true);
        change({ columns: columns.slice(1).map(keyOf).filter((key) => shown.has(key)).join(",") || keyOf(columns[0]) });
      }, { kind: "primary" }))];
  })), { "data-testid": "columns-open" });
}
