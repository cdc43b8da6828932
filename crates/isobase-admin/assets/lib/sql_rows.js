// Rows of a table of the owner's database: found, leafed through, and changed by their key. What is changed
// waits until it is looked at and saved, all of it or none.

import { beside, cellButton, editInPlace, focusCell } from "./cell.js";
import { h, put } from "./dom.js";
import { counted } from "./format.js";
import { cellOf, cutOf, isNumber, refusalView, rowPanel, statementView, toldOf } from "./sql_answer.js";
import { openStatement } from "./sql_tabs.js";
import { quoted } from "./sql_text.js";
import { askSql, writing } from "./sql_write.js";
import { button, dialog, empty, field, inputOf, once, panel, table, toast } from "./ui.js";
import { change, values } from "./url.js";

const PAGE = 50;
const COMPARISONS = ["=", "<>", "<", "<=", ">", ">=", "contains", "is null", "is not null"];
const CHANGES_MAX = 200;

/** What waits, by table: another screen and back loses nothing. */
const WAITING = new Map();

addEventListener("beforeunload", (event) => {
  if ([...WAITING.values()].some((all) => all.length > 0)) event.preventDefault();
});

const nameOf = ({ schema, name }) => JSON.stringify([schema, name]);
const waitingOf = (found) => WAITING.get(nameOf(found)) ?? [];

/** The conditions of the address: column, comparison, value. */
function conditions() {
  try {
    const found = JSON.parse(values().where ?? "[]");
    return Array.isArray(found) ? found.filter((one) => Array.isArray(one) && COMPARISONS.includes(one[1])) : [];
  } catch {
    return [];
  }
}

/** The row of the address behind which rows begin: the values that order it. */
function position() {
  try {
    const found = JSON.parse(values().after ?? "null");
    return Array.isArray(found) && found.every((one) => one === null || typeof one === "string") ? found : null;
  } catch {
    return null;
  }
}

function wanted(schema, name) {
  const { order, down, offset } = values();
  return {
    schema, table: name, order: order ?? null, descending: down === "1", limit: PAGE, offset: Math.max(0, Number.parseInt(offset, 10) || 0), after: position(),
    where: conditions().map(([column, comparison, value]) => ({ column, comparison, value: value ?? null })),
  };
}

/** The rows that the address asks for, with what finds others. */
export async function tableRows(schema, name, signal) {
  const asked = wanted(schema, name);
  const answer = await askSql("rows", asked, signal);
  const [bar, side, list] = [h("div"), h("div"), h("div")];
  const rows = answer.rows.map((cells, at) => ({ cells, at }));
  const key = answer.table.primary_key;
  const place = new Map(answer.columns.map(({ name: column }, at) => [column, at]));
  const cut = cutOf(answer);
  const of = (row) => Object.fromEntries(key.map((column) => [column, row.cells[place.get(column)]]));
  const idOf = (row) => (key.length > 0 ? JSON.stringify(Object.values(of(row))) : String(row.at));
  const isChanged = (row) => waitingOf(answer.table).find((one) => one.key && key.length > 0 && JSON.stringify(Object.values(one.key)) === idOf(row));
  const fixed = new Set(answer.table.columns.filter((one) => one.read_only).map((one) => one.name));
  /** Another value of a row waits; the one that it had waits for nothing. */
  const takeValue = (row, column, index, next) => {
    const waits = isChanged(row);
    const { [column]: _, ...values_ } = waits?.values ?? {};
    const { [column]: __, ...before } = waits?.before ?? {};
    if (next !== row.cells[index]) Object.assign(values_, { [column]: next }) && Object.assign(before, { [column]: row.cells[index] });
    const changed = Object.keys(values_).length > 0 && { key: of(row), values: values_, before };
    if (keepWaiting(answer.table, waits, "update", changed)) redraw();
  };
  const redraw = () => {
    put(bar, waitingBar(answer.table, redraw));
    put(list, rows.length === 0 ? none(asked) : table(`Rows of ${name}`, answer.columns.map(({ name: column, type }, index) => ({
      title: column, className: isNumber(type) ? "number" : undefined, sort: String(index),
      cell: (row) => {
        const waits = isChanged(row);
        if (waits?.kind === "delete") return h("del", {}, cellOf(row.cells[index], cut(row.at, index)));
        const after = waits && column in waits.values;
        const value = after ? waits.values[column] : row.cells[index];
        const shown = cellOf(value, !after && cut(row.at, index));
        const inPlace = index > 0 && key.length > 0 && writing() !== null && !fixed.has(column) && !cut(row.at, index) && !/\n/.test(value ?? "");
        if (!inPlace) return after ? h("strong.warn", {}, shown) : shown;
        return cellButton({
          label: `${column} of ${Object.values(of(row)).join(", ")}: ${value ?? "NULL"}`, shown, waiting: Boolean(after),
          begin: (cell) => editValue(cell, { column, value, row: idOf(row), take: (next) => takeValue(row, column, index, next) }),
        });
      },
    })), rows, {
      open: (row) => put(side, onePanel(row)),
      onkey: beside,
      testId: (row) => `sql-row-${idOf(row)}`,
      sort: asked.order === null ? undefined : `${asked.descending ? "-" : ""}${place.get(asked.order)}`,
      onsort: (next) => change({ order: answer.columns[Number(next.replace("-", ""))].name, down: next.startsWith("-") ? "1" : null }, { reset: ["offset", "after"] }),
    }));
  };
  const close = () => put(side);
  const onePanel = (row) => {
    const shown = { cells: row.cells, cut: (index) => cut(row.at, index) };
    if (writing() === null || key.length === 0) {
      const why = writing() !== null && h("p.muted", {}, "Without a primary key its rows are changed by a statement.");
      return rowPanel(answer.columns, shown, close, why);
    }
    return editPanel(answer, { row, key: of(row), cut: shown.cut, waits: isChanged(row) }, close, redraw);
  };
  redraw();
  return h("div.split", {}, h("div", {},
    conditionBar(answer.columns.map(({ name: column }) => column)),
    h("div.filters", {},
      writing() !== null && button("New row", () => put(side, editPanel(answer, { row: null, key: null, cut: () => false }, close, redraw)), { "data-testid": "sql-row-new" }),
      button("As a statement", () => openStatement(statementOf(schema, name, asked)), { "data-testid": "sql-select" })),
    bar, h("p", { "data-testid": "sql-told" }, toldOf(answer)), list,
    h("div.actions", {},
      (asked.offset > 0 || asked.after) && button("First rows", () => change({ offset: null, after: null }), { "data-testid": "sql-first" }),
      answer.ended_by && button("Next rows", () => change(answer.next
        ? { after: JSON.stringify(answer.next), offset: null }
        : { offset: asked.offset + rows.length, after: null }), { "data-testid": "sql-next" }))), side);
}

/** A value in its place; NULL by a button of its own. */
function editValue(cell, { column, value, row, take }) {
  const isNull = button("NULL", () => {
    edit.end();
    take(null);
  }, { "data-testid": "cell-null", onmousedown: (event) => event.preventDefault() });
  const edit = editInPlace(cell, {
    label: `${column} of ${row}`,
    text: value ?? "",
    more: value === null ? null : isNull,
    take(text) {
      if (text === (value ?? "")) return false;
      take(text);
      return true;
    },
    again: (step) => focusCell(`sql-row-${row}`, column, step),
  });
}

/** Lets a change wait in the place of a former one of its row; says whether it does. */
function keepWaiting(found, former, kind, changed) {
  const rest = waitingOf(found).filter((one) => one !== former);
  if (changed && rest.length >= CHANGES_MAX) {
    toast(`Save first: ${CHANGES_MAX} changes wait.`);
    return false;
  }
  WAITING.set(nameOf(found), changed ? [...rest, { kind, ...changed }] : rest);
  return true;
}

function none(asked) {
  const clear = button("Clear filters", () => change({ where: null, offset: null, after: null }));
  return asked.where.length > 0 || asked.offset > 0 || asked.after ? empty("No row is like that.", clear) : empty("The table has no rows yet.");
}

/** The conditions, each with what takes it away, and a form for another one. */
function conditionBar(columns) {
  const now = conditions();
  const set = (all) => change({ where: all.length > 0 ? JSON.stringify(all) : null }, { reset: ["offset", "after"] });
  const column = field("Column", { options: columns.map((name) => [name, name]) });
  const comparison = field("Comparison", { options: COMPARISONS.map((name) => [name, name]), value: "contains" });
  const value = field("Value", { type: "search", "data-testid": "sql-where-value" });
  return [
    now.length > 0 && h("div.filters", { role: "group", "aria-label": "Conditions" }, now.map((one, at) =>
      button(`${one[0]} ${one[1]} ${one[2] ?? ""} ×`, () => set(now.toSpliced(at, 1)), { "aria-label": `Without: ${one.join(" ")}` }))),
    h("form.filters", {
      onsubmit: (event) => {
        event.preventDefault();
        const [name, how, compared] = [column, comparison, value].map((one) => inputOf(one).value);
        set([...now, how.startsWith("is ") ? [name, how] : [name, how, compared]]);
      },
    }, column, comparison, value, h("button", { type: "submit", "data-testid": "sql-where-add" }, "Filter")),
  ];
}

/** What finds the same rows in a statement, with the values as texts. */
function statementOf(schema, name, { where, order, descending }) {
  const text = (value) => `'${(value ?? "").replaceAll("'", "''")}'`;
  const all = where.map(({ column, comparison, value }) => {
    if (comparison.startsWith("is ")) return `${quoted(column)} ${comparison.toUpperCase()}`;
    if (comparison === "contains") return `lower(CAST(${quoted(column)} AS text)) LIKE lower(${text(`%${value}%`)})`;
    return `${quoted(column)} ${comparison} ${text(value)}`;
  });
  const lines = [`SELECT * FROM ${quoted(schema)}.${quoted(name)}`, all.length > 0 && `WHERE ${all.join(" AND ")}`,
    order !== null && `ORDER BY ${quoted(order)}${descending ? " DESC" : ""}`, "LIMIT 100"];
  return lines.filter(Boolean).join("\n");
}

/** A row as a form; what is taken waits. */
function editPanel(answer, { row, key, cut, waits }, close, redraw) {
  const found = answer.table;
  const info = new Map(found.columns.map((column) => [column.name, column]));
  const inputs = answer.columns.map(({ name, type }, index) => {
    const value = waits?.values?.[name] !== undefined ? waits.values[name] : row ? row.cells[index] : null;
    const { read_only: fixed, type: declared, default: given } = info.get(name) ?? {};
    if (fixed || cut(index)) return { name, element: h("p.muted", {}, `${name}: ${fixed ? "made by the database" : "too long to be changed here"}`), read: () => undefined };
    const long = (value ?? "").length > 60 || /[\n]/.test(value ?? "");
    const box = field(`${name} (${declared || type || "any"})`, {
      tag: long ? "textarea" : "input", value: value ?? "", autocomplete: "off", spellcheck: "false", "data-testid": `sql-field-${name}`,
      oninput: () => { inputOf(isNull).checked = false; },
    });
    const isNull = h("div.check", {}, h("label", {}, h("input", {
      type: "checkbox", checked: value === null, "aria-label": `${name} is ${row ? "NULL" : "not given"}`, "data-testid": `sql-null-${name}`,
    }), row || !given ? "NULL" : "Default"));
    return { name, before: row?.cells[index], element: h("div", {}, box, isNull), read: () => (inputOf(isNull).checked ? null : inputOf(box).value) };
  });
  const keep = (kind, changed) => {
    if (!keepWaiting(found, waits, kind, changed)) return;
    close();
    redraw();
  };
  const take = () => {
    const read = inputs.map(({ name, before, read: now }) => ({ name, before, after: now() })).filter(({ after }) => after !== undefined);
    if (!row) {
      keep("insert", { values: Object.fromEntries(read.filter(({ after }) => after !== null).map(({ name, after }) => [name, after])) });
      return;
    }
    const other = read.filter(({ before, after }) => before !== after);
    keep("update", other.length > 0 && {
      key,
      values: Object.fromEntries(other.map(({ name, after }) => [name, after])),
      before: Object.fromEntries(other.map(({ name, before }) => [name, before])),
    });
  };
  return panel(row ? "Row" : "New row", close, h("form", { onsubmit: (event) => { event.preventDefault(); take(); } },
    inputs.map(({ element }) => element),
    h("div.actions", {},
      h("button.primary", { type: "submit", "data-save": true, "data-testid": "sql-row-take" }, "Take it"),
      row && button("Delete", () => keep("delete", { key, values: {}, before: {} }), { kind: "danger", "data-testid": "sql-row-delete" }),
      waits && button("Take it back", () => keep("", null)))));
}

/** What waits, and what can be done with it. */
function waitingBar(found, redraw) {
  const all = waitingOf(found);
  if (all.length === 0) return null;
  const drop = () => {
    WAITING.delete(nameOf(found));
    redraw();
  };
  return h("div.filters.pending", { "data-testid": "sql-pending", role: "group", "aria-label": "Changes that are not saved" },
    h("strong", {}, `${counted(all.length, "change")} not saved`),
    button("Review and save", once(() => review(found, all)), { kind: "primary", "data-save": true, "data-testid": "sql-review" }),
    button("Take the last one back", () => {
      WAITING.set(nameOf(found), all.slice(0, -1));
      redraw();
    }, { "data-undo": true }),
    button("Discard", drop, { kind: "danger" }));
}

const sent = ({ kind, key, values: given, before }) => ({
  kind, ...(key ? { key } : {}), ...(kind === "delete" ? { before } : { values: given }), ...(kind === "update" ? { before } : {}),
});

/** The statements as they run, tried before: who reads them knows that they would be taken. */
async function review(found, all) {
  const body = { schema: found.schema, table: found.name, database: writing(), changes: all.map(sent) };
  await dialog(`Changes of ${found.name}`, (close) => {
    const [box, told] = [h("div", { "aria-busy": "true" }), h("div")];
    const save = button("Save", once(async () => {
      try {
        await askSql("changes", body);
        WAITING.delete(nameOf(found));
        close(true);
        toast(`Saved: ${counted(all.length, "change")}.`);
        dispatchEvent(new Event("isobase:address"));
      } catch (error) {
        put(told, refusalView(error));
      }
    }), { kind: "danger", disabled: true, "data-testid": "sql-save" });
    askSql("changes", { ...body, dry_run: true }).then(({ statements }) => {
      const valuesOf = (parameters) => parameters.map((value, at) => `  $${at + 1} = ${value === null ? "NULL" : value}`).join("\n");
      put(box, h("p", {}, "Tried and taken back: each changes one row. All of them are made, or none."),
        statements.map(({ statement, parameters }, at) => statementView(`Statement ${at + 1}`, `${statement}\n${valuesOf(parameters)}`)));
      save.disabled = false;
    }).catch((error) => put(box, refusalView(error))).finally(() => box.setAttribute("aria-busy", "false"));
    return [box, told, h("div.actions", {}, button("Go on editing", () => close(false)), save)];
  });
}
