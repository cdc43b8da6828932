// Changes to tables of the owner's database: asked for in a form, shown as SQL, made when they are meant.

import { h, put } from "./dom.js";
import { refusalView, statementView } from "./sql_answer.js";
import { askSql, writing } from "./sql_write.js";
import { button, dialog, download, field, inputOf, once, toast } from "./ui.js";

const NAMES = { postgres: "PostgreSQL", sqlite: "SQLite" };

const check = (label, properties = {}) => h("div.check", {}, h("label", {}, h("input", { type: "checkbox", ...properties }), label));

/** What a form asks for, and the change that its answers are. @type {Record<string, Function>} */
const FORMS = {
  add_column: () => columnForm({}, (column) => ({ column })),
  rename_column: (column) => textForm("New name", column, (to) => ({ column, to })),
  rename_table: (table) => textForm("New name", table, (to) => ({ to })),
  change_type: (column, { type }) => textForm("Type", type, (text) => ({ column, data_type: text })),
  change_default: (column, { default: now }) => textForm("Default", now ?? "", (text) => ({ column, default: text.trim() === "" ? null : text }), "An expression in SQL; empty takes it away."),
  create_table: () => {
    const forms = [columnForm({ name: "id", type: "integer", key: true }, (column) => column)];
    const list = h("div", {}, forms.map(({ element }) => element));
    const more = button("Another column", () => {
      forms.push(columnForm({}, (column) => column));
      list.append(forms.at(-1).element);
    });
    return { element: h("div", {}, list, more), read: () => ({ columns: forms.map(({ read }) => read()).filter(({ name }) => name !== "") }) };
  },
  check: () => constraintForm("check", field("Condition", { required: true, autocomplete: "off", spellcheck: "false", "data-testid": "schema-text" }, "An expression in SQL that is true of all rows: total >= 0."), (box) => ({ condition: inputOf(box).value })),
  unique: (_, { columns }) => columnsConstraint("unique", columns),
  primary_key: (_, { columns }) => columnsConstraint("primary_key", columns),
  foreign_key: (_, { columns }) => {
    const own = columnBoxes(columns);
    const [table, references, then] = [
      field("Refers to the table", { required: true, autocomplete: "off", "data-testid": "schema-references" }, "Of the same schema."),
      field("Its columns", { autocomplete: "off" }, "With blanks between; empty for its primary key."),
      field("When the other row is deleted", { options: [["refuse", "refuse that"], ["cascade", "delete the rows of this table too"], ["set_null", "set NULL"]], value: "refuse" }),
    ];
    return constraintForm("foreign_key", h("div", {}, own.element, table, references, then), () => ({
      columns: own.read(), table: inputOf(table).value.trim(), references: inputOf(references).value.split(/[\s,]+/).filter(Boolean), on_delete: inputOf(then).value,
    }));
  },
  create_index: (_, { columns }) => {
    const name = field("Name", { required: true, autocomplete: "off", "data-testid": "schema-name" });
    const boxes = columnBoxes(columns);
    const unique = check("No two rows have the same values");
    return {
      element: h("div", {}, name, boxes.element, unique),
      read: () => ({
        index: inputOf(name).value,
        columns: boxes.read(),
        unique: inputOf(unique).checked,
      }),
    };
  },
};

/** Columns to choose from, in their order. */
function columnBoxes(columns) {
  const boxes = columns.map((column) => check(column, { value: column }));
  return {
    element: h("fieldset", {}, h("legend", {}, "Columns"), boxes),
    read: () => boxes.map(inputOf).filter(({ checked }) => checked).map(({ value }) => value),
  };
}

function columnsConstraint(kind, columns) {
  const boxes = columnBoxes(columns);
  return constraintForm(kind, boxes.element, () => ({ columns: boxes.read() }));
}

/** A new constraint: its name, and what it says. */
function constraintForm(kind, element, read) {
  const name = field("Name", { required: true, autocomplete: "off", "data-testid": "schema-name" });
  return {
    kind: "add_constraint",
    element: h("div", {}, name, element),
    read: () => ({ constraint: inputOf(name).value, definition: { kind, ...read(element) } }),
  };
}

function textForm(label, value, change, hint) {
  const box = field(label, { value, autocomplete: "off", "data-testid": "schema-text" }, hint);
  return { element: box, read: () => change(inputOf(box).value) };
}

function columnForm({ name = "", type = "text", key = false }, change) {
  const own = { autocomplete: "off" };
  const [named, typed, given] = [
    field("Name", { ...own, value: name, "data-testid": "schema-name" }), field("Type", { ...own, value: type, "data-testid": "schema-type" }, "In SQL: text, integer, numeric(10, 2)."),
    field("Default", own, "An expression in SQL: 0, 'new', now()."),
  ];
  const [nullable, isKey] = [check("May be NULL", { checked: !key }), key && check("Primary key", { checked: true })];
  return {
    element: h("fieldset", {}, h("legend", {}, "Column"), named, typed, given, nullable, isKey),
    read: () => change({
      name: inputOf(named).value, type: inputOf(typed).value, nullable: inputOf(nullable).checked,
      default: inputOf(given).value.trim() || null, ...(isKey ? { key: inputOf(isKey).checked } : {}),
    }),
  };
}

/**
 * Asks for a change where there is something to ask, shows it, and makes it when it is meant.
 * @param {string} title
 * @param {{schema: string, table: string, kind: string, of?: string, with?: any, change?: object}} wanted
 * @param {() => void} done is told when it was made
 */
export async function changeSchema(title, { schema, table, kind, of: what, with: how = {}, change }, done) {
  const form = FORMS[kind]?.(what, how);
  await dialog(title, (close) => {
    const box = h("div");
    const name = table === null && field("Name of the table", { autocomplete: "off", required: true, "data-testid": "schema-table" });
    const of = () => ({ schema, table: name ? inputOf(name).value : table, change: { kind: form?.kind ?? kind, ...(form ? form.read() : change) } });
    const show = once(async () => {
      const body = of();
      try {
        put(box, planned(await askSql("schema", body), body, async () => {
          close(true);
          toast("Made");
          done();
        }, close));
      } catch (error) {
        put(told, refusalView(error));
      }
    });
    const told = h("div");
    put(box, name, form?.element, told, h("div.actions", {}, button("Cancel", () => close(false)),
      button("Show the SQL", show, { kind: "primary", "data-testid": "schema-plan" })));
    if (!form && !name) show();
    return box;
  });
}

/** The statement, what to think of, and what makes it. */
function planned(plan, body, made, close) {
  const told = h("div", { role: "alert" });
  const other = NAMES[plan.other.dialect];
  const typed = plan.loses !== null && writing() !== null && plan.statement !== null && field(`Type ${plan.loses} to go on`, {
    autocomplete: "off", "data-testid": "schema-typed", oninput: (event) => { apply.disabled = event.target.value !== plan.loses; },
  });
  const apply = button("Apply", once(async () => {
    try {
      await askSql("schema", { ...body, run: true, database: writing(), name: plan.loses });
      await made();
    } catch (error) {
      put(told, refusalView(error));
    }
  }), { kind: "danger", disabled: Boolean(typed), "data-testid": "schema-apply" });
  return [
    plan.statement === null ? h("p", {}, plan.why) : statementView("The statement", plan.statement),
    plan.warnings.length > 0 && h("ul.warning", {}, plan.warnings.map((text) => h("li", {}, text))),
    h("details", {}, h("summary", {}, `On ${other}`), plan.other.statement === null ? h("p", {}, plan.other.why) : statementView(other, plan.other.statement)),
    writing() === null && h("p.muted", {}, "To make it here, switch Read-only off."),
    typed, told,
    h("div.actions", {}, button("Close", () => close(false)),
      plan.statement !== null && button("Save as migration", () => download(`0001_${body.change.kind}_${body.table.replaceAll(/\W+/g, "_")}.sql`, "application/sql", `${plan.statement};\n`)),
      plan.statement !== null && writing() !== null && apply),
  ];
}

/** A button that leads to a change. */
export function schemaButton(text, title, wanted, done, properties = {}) {
  return button(text, once(() => changeSchema(title, wanted, done)), properties);
}
