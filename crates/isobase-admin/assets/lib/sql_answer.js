// What statements of the owner's database answer: rows, plans, refusals.

import { h, put } from "./dom.js";
import { count, counted, duration } from "./format.js";
import { badge, copyButton, empty, facts, failure, panel, table } from "./ui.js";

/** What a cell shows of a value; the row shows all of it. */
export const CELL_MAX = 200;
const NUMBERS = /^(int|float|numeric|money|oid|integer|real)/;

/** Whether values of a type are sorted as numbers. */
export const isNumber = (type) => NUMBERS.test(type);

/** A value as text; NULL is told apart from every text. */
export function cellOf(value, cut, max = CELL_MAX) {
  if (value === null) return h("em.muted", {}, "NULL");
  if (value === "") return h("em.muted", {}, "empty");
  const shown = value.length > max ? `${value.slice(0, max)}…` : value;
  return cut ? [shown, " ", badge("cut", "warn")] : shown;
}

/** Which values of an answer are cut. @returns {(row: number, column: number) => boolean} */
export function cutOf(answer) {
  const cut = new Set(answer.cut.map(([row, column]) => `${row} ${column}`));
  return (row, column) => cut.has(`${row} ${column}`);
}

/** What is said of the rows of an answer, and of those that are not shown. */
export function toldOf({ rows, ended_by: ended, ms }) {
  const more = { rows: " There are more rows.", bytes: " There is more, and it is too long to show." }[ended] ?? "";
  return [`${counted(rows.length, "row")} in ${duration(ms)}.`, more && h("strong", {}, more)];
}

/** The rows of an answer, in their order or in that of a column. */
export function rowsView(answer, openRow) {
  const { columns, rows } = answer;
  const cut = cutOf(answer);
  const box = h("div", { "data-testid": "sql-rows" });
  const numbered = rows.map((cells, at) => ({ cells, at }));
  function draw(sort) {
    const place = sort && Number(sort.replace("-", ""));
    const sorted = sort ? numbered.toSorted((a, b) => (sort.startsWith("-") ? -1 : 1)
      * compare(a.cells[place], b.cells[place], isNumber(columns[place].type))) : numbered;
    put(box, table("Rows", columns.map(({ name, type }, index) => ({
      title: name || "(no name)",
      className: isNumber(type) ? "number" : undefined,
      sort: String(index),
      cell: ({ cells, at }) => cellOf(cells[index], cut(at, index)),
    })), sorted, { open: ({ cells, at }) => openRow({ cells, cut: (index) => cut(at, index) }), sort, onsort: draw }));
  }
  if (rows.length > 0) draw();
  return rows.length === 0 ? empty(columns.length ? "No row is like that." : "The statement gives no rows.") : box;
}

/** Numbers by their value, however many digits they have; NULL comes last. */
function compare(a, b, numeric) {
  if (a === null || b === null) return (a === null) - (b === null);
  if (numeric && Number(a) !== Number(b)) return Number(a) - Number(b);
  if (numeric && /^-?\d+$/.test(a) && /^-?\d+$/.test(b)) {
    const [left, right] = [BigInt(a), BigInt(b)];
    return (left > right) - (left < right);
  }
  return a < b ? -1 : Number(a > b);
}

/** All of a row. */
export function rowPanel(columns, row, close, ...more) {
  return panel("Row", close, more, columns.map(({ name, type }, index) => {
    const value = row.cells[index];
    return h("section", {}, h("h3", {}, name || "(no name)", " ", h("small.muted", {}, type)),
      h("pre", { tabindex: "0", role: "region", "aria-label": name || "(no name)" }, cellOf(value, row.cut(index), Infinity)),
      value && copyButton("Copy", value));
  }));
}

/** What the database said about a statement that it refused. */
export function refusalView(error) {
  const { sqlstate, position, hint, more } = error.problem ?? {};
  const said = [["SQLSTATE", sqlstate], ["At character", position], ["Hint", hint], ["More", more]].filter(([, value]) => value);
  const list = facts(said);
  list.dataset.testid = "sql-refusal";
  return [failure(error), said.length > 0 && list];
}

/** The steps of a plan as a list of lists. */
export function planView({ steps, execution_ms: took }) {
  const list = (below) => below.length > 0 && h("ul.plan", {}, below.map((step) => h("li", {},
    h("strong", {}, step.title),
    step.rows !== null && ` ${counted(step.rows, "row")}${step.runs > 1 ? ` × ${count(step.runs)}` : ""}, ${step.ms.toFixed(3)} ms`,
    step.expected !== null && h("span.muted", {}, ` expected ${count(step.expected)}`),
    step.filter && h("code", {}, ` ${step.filter}`),
    list(step.below))));
  return h("div", { "data-testid": "sql-plan" },
    h("p", {}, took === null ? "The plan; nothing was run." : `The plan as it was carried out in ${duration(took)}.`),
    list(steps) || empty("The statement has no plan."));
}

/** A statement as it is shown before it runs. */
export function statementView(label, text) {
  return h("pre", { tabindex: "0", role: "region", "aria-label": label, "data-testid": "sql-shown" }, text);
}
