// A database of the owner's own, looked at with statements that only read: run, explained, saved,
// remembered; its tables, and how they refer to each other.

import { ask, freshKey, get, path } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { count, counted, duration, timeOf } from "../lib/format.js";
import { diagram } from "../lib/sql_diagram.js";
import { tablesView } from "../lib/sql_tables.js";
import { Region, badge, button, copyButton, download, empty, failure, field, inputOf, once, panel, table, toast, toastError } from "../lib/ui.js";
import { change, values } from "../lib/url.js";

const BASE = "/api/v1/sql";
const VIEWS = [["", "Statement"], ["tables", "Tables"], ["diagram", "Diagram"], ["history", "History"]];
/** A longer statement stays out of the address. */
const ADDRESS_MAX = 1_500;
/** What a cell shows of a value; the row shows all of it. */
const CELL_MAX = 200;
const NUMBERS = /^(int|float|numeric|money|oid|integer|real)/;

export function open() {
  const tabs = h("nav.views", { "aria-label": "Views" });
  const facts = new Region("p");
  const page = h("div");
  const statement = statementView();
  const side = new Region("section");
  let shown = null;
  facts.show(async (signal) => {
    const database = await get(BASE, {}, { signal });
    statement.know(database);
    return [badge("read-only", "good"), " ", h("code", {}, database.address), ` · ${count(database.rows_max)} rows, ${duration(database.timeout_ms)} at most`];
  });
  function update() {
    const view = VIEWS.some(([name]) => name === values().view) ? values().view : "";
    put(tabs, VIEWS.map(([name, title]) => h("a", {
      href: `/admin/sql${name && `?view=${name}`}`,
      "aria-current": name === view ? "page" : null,
      "data-testid": `sql-view-${name || "statement"}`,
    }, title)));
    if (view === "") statement.take(values().q);
    if (view !== shown) put(page, view === "" ? statement.element : side.element);
    shown = view;
    if (view === "tables") side.show((signal) => tablesView(signal));
    else if (view === "diagram") side.show((signal) => diagram(signal));
    else if (view === "history") side.show((signal) => historyView(signal, update));
    else side.stop();
  }
  return {
    element: h("div", {}, tabs, facts.element, page),
    update,
    close() {
      [facts, side].forEach((region) => region.stop());
      statement.stop();
    },
  };
}

/** The statement, its buttons, and what it answered. */
function statementView() {
  const text = field("Statement", {
    tag: "textarea", rows: 8, spellcheck: "false", autocapitalize: "off", autocomplete: "off",
    "data-testid": "sql-statement", onkeydown: (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.key !== "Enter") return;
      event.preventDefault();
      run();
    }, oninput: (event) => parameters.draw(event.target.value),
  }, "Ctrl-Enter runs what is selected, or all of it. One statement at a time; the engine refuses what writes. :name is a parameter, asked for below.");
  const parameters = parametersView();
  const input = inputOf(text);
  const limit = field("Rows", { options: [["100", "100"], ["1000", "1,000"]], value: "100" });
  const answer = h("div", { "aria-live": "polite", "aria-busy": "false" });
  const side = h("div");
  const stop = button("Stop", () => halt(), { kind: "danger", disabled: true, "data-testid": "sql-stop" });
  const measured = button("Run and explain", () => explain(true), { hidden: true });
  let running = null;
  let taken = null;

  /** The statement that is meant. */
  function wanted() {
    const selected = input.value.slice(input.selectionStart, input.selectionEnd);
    return selected.trim() ? { statement: selected, offset: input.selectionStart } : { statement: input.value, offset: 0 };
  }

  async function during(work) {
    if (running) return;
    const { statement, offset } = wanted();
    if (!statement.trim()) {
      input.focus();
      return;
    }
    running = { id: freshKey(), left: new AbortController() };
    const { id, left } = running;
    stop.disabled = false;
    answer.setAttribute("aria-busy", "true");
    put(side);
    try {
      put(answer, await work({ statement, statement_id: id, parameters: parameters.of(statement) }, left.signal));
    } catch (error) {
      if (error.name === "AbortError") put(answer, h("p", { role: "alert" }, "The statement was stopped."));
      else put(answer, refusal(error, offset));
    } finally {
      running = null;
      stop.disabled = true;
      answer.setAttribute("aria-busy", "false");
    }
  }

  function run() {
    return during(async (body, signal) => {
      taken = body.statement.length <= ADDRESS_MAX ? body.statement : "";
      change({ q: taken }, { replace: true });
      const { data } = await ask("POST", `${BASE}/run`, { body: { ...body, limit: Number(inputOf(limit).value) }, signal });
      return rowsView(data, (row) => put(side, rowPanel(data.columns, row, () => put(side))));
    });
  }

  function explain(measure) {
    return during(async (body, signal) => {
      const { data } = await ask("POST", `${BASE}/explain`, { body: { ...body, run: measure }, signal });
      return planView(data);
    });
  }

  const save = once(async () => {
    const { statement } = wanted();
    if (!statement.trim()) return;
    const { data } = await ask("POST", `${BASE}/csv`, { body: { statement, parameters: parameters.of(statement) }, headers: { accept: "text/csv" } });
    download("rows.csv", "text/csv", data ?? "");
    toast("Saved");
  });

  async function halt() {
    if (!running) return;
    const { id, left } = running;
    try {
      await ask("POST", `${BASE}/statements${path(id)}/cancel`);
    } catch (error) {
      // Not begun yet, or begun in another process: it ends with its request.
      if (error.code === "sql_statement_not_found") left.abort();
      else toastError(error);
    }
  }

  /** What was refused, with the place of it marked in the statement. */
  function refusal(error, offset) {
    const { sqlstate, position, hint, more } = error.problem ?? {};
    if (position) {
      const characters = [...input.value.slice(offset)];
      const at = offset + characters.slice(0, Number(position) - 1).join("").length;
      input.focus();
      input.setSelectionRange(at, Math.min(input.value.length, at + 1));
    }
    return [failure(error), h("dl.facts", { "data-testid": "sql-refusal" }, [
      ["SQLSTATE", sqlstate], ["At character", position], ["Hint", hint], ["More", more],
    ].filter(([, value]) => value).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))))];
  }

  const element = h("div.split", {}, h("div", {},
    h("form", { onsubmit: (event) => event.preventDefault() }, text, parameters.element,
      h("div.filters", {},
        button("Run", () => run(), { kind: "primary", "data-testid": "sql-run" }), stop,
        button("Explain", () => explain(false), { "data-testid": "sql-explain" }), measured,
        button("Save as CSV", save, { "data-testid": "sql-csv" }), limit)),
    answer), side);
  return {
    element,
    know: ({ dialect }) => { measured.hidden = dialect !== "postgres"; },
    take(q) {
      if (!q || q === taken) return;
      taken = q;
      input.value = q;
      parameters.draw(q);
    },
    stop: () => running?.left.abort(),
  };
}

/** Texts, names, comments, casts and places of lists, in which no parameter is; and parameters. */
const PARAMETERS = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|\$([A-Za-z_]\w*)?\$[\s\S]*?\$\1\$|::|\[[^\]]*\]|:([A-Za-z_]\w*)/g;

function namesIn(statement) {
  return [...new Set([...statement.matchAll(PARAMETERS)].flatMap(([, , name]) => name ?? []))];
}

/** An input for each parameter that has a name; what was given stays while the statement changes. */
function parametersView() {
  const element = h("div.filters");
  const given = new Map();
  let shown = "";
  return {
    element,
    draw(statement) {
      const names = namesIn(statement);
      if (names.join(" ") === shown) return;
      shown = names.join(" ");
      put(element, names.map((name) => field(`:${name}`, {
        autocomplete: "off", value: given.get(name) ?? "", "data-testid": `sql-parameter-${name}`,
        oninput: (event) => given.set(name, event.target.value),
      }, "empty is NULL")));
    },
    of(statement) {
      const names = namesIn(statement);
      return names.length > 0 ? Object.fromEntries(names.map((name) => [name, given.get(name) || null])) : undefined;
    },
  };
}

/** A value as text; NULL is told apart from every text. */
function cellOf(value, cut, max = CELL_MAX) {
  if (value === null) return h("em.muted", {}, "NULL");
  if (value === "") return h("em.muted", {}, "empty");
  const shown = value.length > max ? `${value.slice(0, max)}…` : value;
  return cut ? [shown, " ", badge("cut", "warn")] : shown;
}

/** The rows of an answer, in their order or in that of a column. */
function rowsView(answer, openRow) {
  const { columns, rows, ms } = answer;
  const cut = new Set(answer.cut.map(([row, column]) => `${row} ${column}`));
  const box = h("div", { "data-testid": "sql-rows" });
  const numbered = rows.map((cells, at) => ({ cells, at }));
  function draw(sort) {
    const place = sort && Number(sort.replace("-", ""));
    const sorted = sort ? numbered.toSorted((a, b) => (sort.startsWith("-") ? -1 : 1)
      * compare(a.cells[place], b.cells[place], NUMBERS.test(columns[place].type))) : numbered;
    put(box, table("Rows", columns.map(({ name, type }, index) => ({
      title: name || "(no name)",
      className: NUMBERS.test(type) ? "number" : undefined,
      sort: String(index),
      cell: ({ cells, at }) => cellOf(cells[index], cut.has(`${at} ${index}`)),
    })), sorted, { open: ({ cells, at }) => openRow({ cells, cut: (index) => cut.has(`${at} ${index}`) }), sort, onsort: draw }));
  }
  if (rows.length > 0) draw();
  const more = { rows: " There are more rows.", bytes: " There is more, and it is too long to show." }[answer.ended_by] ?? "";
  return [
    h("p", { "data-testid": "sql-told" }, `${counted(rows.length, "row")} in ${duration(ms)}.`, more && h("strong", {}, more)),
    rows.length === 0 ? empty(columns.length ? "No row is like that." : "The statement gives no rows.") : box,
  ];
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

function rowPanel(columns, row, close) {
  return panel("Row", close, columns.map(({ name, type }, index) => {
    const value = row.cells[index];
    return h("section", {}, h("h3", {}, name || "(no name)", " ", h("small.muted", {}, type)),
      h("pre", { tabindex: "0", role: "region", "aria-label": name || "(no name)" }, cellOf(value, row.cut(index), Infinity)),
      value && copyButton("Copy", value));
  }));
}

/** The steps of a plan as a list of lists. */
function planView({ steps, execution_ms: took }) {
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

async function historyView(signal, again) {
  const { entries } = await get(`${BASE}/history`, {}, { signal });
  if (entries.length === 0) return empty("You have run nothing yet.", h("a", { href: "/admin/sql" }, "To the statement"));
  const search = field("Search", { type: "search", oninput: () => draw() });
  const box = h("div");
  function draw() {
    const wanted = inputOf(search).value.toLowerCase();
    const found = entries.filter(({ statement }) => statement.toLowerCase().includes(wanted));
    put(box, found.length === 0 ? empty("No statement is like that.") : table("Statements", [
      { title: "Statement", cell: ({ statement }) => (statement.length > CELL_MAX ? `${statement.slice(0, CELL_MAX)}…` : statement) },
      { title: "Answer", cell: ({ rows, problem }) => (problem ? badge(problem, "bad") : counted(rows, "row")) },
      { title: "Took", cell: ({ ms }) => duration(ms), className: "number" },
      { title: "When", cell: ({ at }) => timeOf(at) },
    ], found, { open: ({ statement }) => change({ view: null, q: statement }) }));
  }
  draw();
  return [h("div.filters", {}, search, button("Forget all", once(async () => {
    await ask("DELETE", `${BASE}/history`);
    toast("Forgotten");
    again();
  }))), box];
}
