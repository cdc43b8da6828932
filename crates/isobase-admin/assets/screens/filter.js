// A filter put together from fields, operators and values; its text is what the API takes.

import { h, put } from "../lib/dom.js";
import { button, dialog, field, inputOf } from "../lib/ui.js";

const OPERATORS = [
  ["", "is"], ["ne", "is not"], ["gt", "is greater than"], ["gte", "is at least"], ["lt", "is less than"],
  ["lte", "is at most"], ["like", "matches (% and _)"], ["in", "is one of (a,b,c)"],
];

/** A name that could be read as something else is quoted, as the filter language has it. */
export function fieldName(name) {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? name : `"${name.replaceAll("\\", "\\\\").replaceAll("\"", "\\\"")}"`;
}

/** The conditions of a filter that was put together here; null where it says more than that. */
export function conditionsOf(text) {
  const conditions = [];
  for (const [name, value] of new URLSearchParams(text)) {
    const [, of, operator = ""] = /^("(?:[^"\\]|\\.)*"|[\w.]+)(?:\[(\w+)\])?$/.exec(name) ?? [];
    if (of === undefined || of === "or" || of === "not" || !OPERATORS.some(([known]) => known === operator)) return null;
    conditions.push({ name: of.startsWith("\"") ? JSON.parse(of) : of, operator, value, quoted: of });
  }
  return conditions;
}

/** The text of conditions: all of them, or any. */
export function textOf(conditions, any) {
  if (any && conditions.length > 1) {
    const parts = conditions.map(({ name, operator, value }) => `${fieldName(name)}.${operator || "eq"}.${inGroup(operator, value)}`);
    return new URLSearchParams([["or", `(${parts.join(",")})`]]).toString();
  }
  return new URLSearchParams(conditions.map(({ name, operator, value }) => [fieldName(name) + (operator && `[${operator}]`), value])).toString();
}

/** A value within a group: commas and parentheses would end it. */
function inGroup(operator, value) {
  if (operator === "in") return `(${value})`;
  return /[,()"\\]/.test(value) || value === "" ? `"${value.replaceAll("\\", "\\\\").replaceAll("\"", "\\\"")}"` : value;
}

/**
 * Asks for conditions.
 * @param {string} text the filter as it is
 * @param {string[]} names fields to choose from
 * @returns {Promise<string | null>} null when nothing is to change
 */
export async function buildFilter(text, names) {
  const known = conditionsOf(text);
  const conditions = known && known.length > 0 ? known : [{ name: names[0] ?? "", operator: "", value: "" }];
  const answer = await dialog("Filter", (close) => {
    const rows = h("div");
    const list = h("datalist", { id: "filter-fields" }, names.map((name) => h("option", { value: name })));
    const any = field("Documents that meet", { options: [["all", "all of these"], ["any", "any of these"]], value: "all" });
    const draw = () => put(rows, conditions.map((one, at) => h("fieldset.condition", {},
      h("legend.hidden", {}, `Condition ${at + 1}`),
      field("Field", { list: "filter-fields", required: true, autocomplete: "off", value: one.name, oninput: (event) => { one.name = event.target.value.trim(); } }),
      field("How", { options: OPERATORS, value: one.operator, onchange: (event) => { one.operator = event.target.value; } }),
      field("Value", { autocomplete: "off", value: one.value, oninput: (event) => { one.value = event.target.value; } }),
      button("Remove", () => { conditions.splice(at, 1); draw(); }, { "aria-label": `Remove condition ${at + 1}` }))));
    draw();
    return h("form", { onsubmit: (event) => { event.preventDefault(); close(textOf(conditions, inputOf(any).value === "any")); } },
      text && !known && h("p.muted", {}, "The filter as it is says more than can be shown here; what is put together now replaces it."),
      any, list, rows,
      h("div.actions", {},
        button("Another condition", () => { conditions.push({ name: names[0] ?? "", operator: "", value: "" }); draw(); }),
        button("Cancel", () => close(false)),
        h("button.primary", { type: "submit", "data-testid": "filter-apply" }, "Filter")));
  });
  return answer === false ? null : answer;
}
