// A database of the owner's own: statements are run, explained, saved, remembered; its tables are looked at
// and, where a setting lets owners, changed.

import { ask, freshKey, get, path } from "../lib/api.js";
import { debounced, h, put } from "../lib/dom.js";
import { count, counted, duration, timeOf } from "../lib/format.js";
import { CELL_MAX, planView, refusalView, rowPanel, rowsView, toldOf } from "../lib/sql_answer.js";
import { completions } from "../lib/sql_complete.js";
import { diagram } from "../lib/sql_diagram.js";
import { sqlEditor } from "../lib/sql_editor.js";
import { reviewWrite } from "../lib/sql_review.js";
import { tablesView } from "../lib/sql_tables.js";
import { openStatement, openStatements, showStatements, tabStrip } from "../lib/sql_tabs.js";
import { firstWord, parametersOf, statementsOf } from "../lib/sql_text.js";
import { askSql, onWriting, writeSwitch, writing } from "../lib/sql_write.js";
import { Region, badge, button, download, empty, field, inputOf, once, table, tabs, toast, toastError } from "../lib/ui.js";
import { values } from "../lib/url.js";

export const PARAMETERS = ["view", "q", "tab", "schema", "table", "part", "where", "order", "down", "offset", "after"];

const BASE = "/api/v1/sql";
const VIEWS = [["", "Statement"], ["tables", "Tables"], ["diagram", "Diagram"], ["history", "History"]];
/** Statements that are run one after the other. */
const RUN_MAX = 50;
/** First words of statements that only read, unless the database says otherwise. */
const READS = ["SELECT", "VALUES", "TABLE", "WITH", "EXPLAIN", "SHOW", "PRAGMA"];

export function open() {
  const views = h("nav.views", { "aria-label": "Views" });
  const facts = new Region("div");
  const page = h("div");
  const [statement, side, part] = [statementView(), new Region("section"), new Region("div")];
  const element = h("div", {}, views, facts.element, page);
  let shown = null;
  const again = () => update();
  const leaveWriting = onWriting(() => {
    element.classList.toggle("changes", writing() !== null);
    update();
  });
  element.classList.toggle("changes", writing() !== null);
  facts.show(async (signal) => {
    const database = await get(BASE, {}, { signal });
    statement.know(database);
    return h("div.filters", {}, writeSwitch(database.database), h("span", {}, h("code", {}, database.address),
      ` · ${count(database.rows_max)} rows, ${duration(database.timeout_ms)} at most`));
  });
  function update() {
    const view = VIEWS.some(([name]) => name === values().view) ? values().view : "";
    const kept = new URLSearchParams(location.search);
    for (const name of PARAMETERS) if (name !== "q" && name !== "tab") kept.delete(name);
    put(views, VIEWS.map(([name, title]) => {
      const search = new URLSearchParams([...(name ? [["view", name]] : []), ...kept]).toString();
      return h("a", {
        href: `/admin/sql${search && `?${search}`}`, "aria-current": name === view ? "page" : null, "data-testid": `sql-view-${name || "statement"}`,
      }, title);
    }));
    if (view === "") statement.take(openStatements());
    if (view !== shown) put(page, view === "" ? statement.element : side.element);
    shown = view;
    if (view === "tables") side.show((signal) => tablesView(signal, again, part));
    else if (view === "diagram") side.show((signal) => diagram(signal));
    else if (view === "history") side.show((signal) => historyView(signal, again));
    else side.stop();
  }
  return {
    element,
    update,
    close() {
      leaveWriting();
      [facts, side, part].forEach((region) => region.stop());
      statement.stop();
    },
  };
}

/** The statements, their buttons, and what they answered. */
function statementView() {
  const strip = h("div");
  const answer = h("div", { "aria-live": "polite", "aria-busy": "false" });
  const side = h("div");
  const parameters = parametersView();
  const limit = field("Rows", { options: [["100", "100"], ["1000", "1,000"]], value: "100" });
  const stop = button("Stop", () => halt(), { kind: "danger", disabled: true, "data-testid": "sql-stop" });
  const measured = button("Run and explain", () => explain(true), { hidden: true });
  const all = button("Run all", () => runAll(statementsOf(input.value)), { hidden: true, "data-testid": "sql-run-all" });
  /** What each tab answered, in their order. */
  const answers = [];
  let [now, running] = [{ texts: [""], at: 0 }, null];
  const remember = debounced(400, () => {
    if (element.isConnected) showStatements(now.texts, now.at, { replace: true });
  });
  const editor = sqlEditor({
    run: () => run(),
    complete: completions,
    changed: (text) => {
      now.texts[now.at] = text;
      drawn(text);
      remember();
    },
  });
  const { input } = editor;

  function drawn(text) {
    parameters.draw(text);
    all.hidden = statementsOf(text).length < 2;
  }

  /** The statements that are meant: those that are selected, or the one at the cursor. */
  function wanted() {
    const [from, to] = [input.selectionStart, input.selectionEnd];
    const selected = input.value.slice(from, to);
    if (selected.trim()) return statementsOf(selected).map((one) => ({ ...one, from: one.from + from }));
    const found = statementsOf(input.value);
    const here = found.find((one) => from <= one.to) ?? found.at(-1);
    return here ? [here] : [];
  }

  async function during(work) {
    if (running) return;
    running = { left: new AbortController(), tab: now.at };
    stop.disabled = false;
    answer.setAttribute("aria-busy", "true");
    put(side);
    try {
      show(await work(running.left.signal), running.tab);
    } finally {
      running = null;
      stop.disabled = true;
      answer.setAttribute("aria-busy", "false");
    }
  }

  function show(content, tab) {
    answers[tab] = h("div", {}, content);
    if (tab === now.at) put(answer, answers[tab]);
  }

  /** Asks with an id by which it is stopped; what goes wrong is shown in the place of the answer. */
  async function tried(statement, signal, work) {
    running.id = freshKey();
    try {
      return { content: await work({ statement: statement.text, statement_id: running.id, parameters: parameters.of(statement.text) }, signal) };
    } catch (error) {
      if (error.name === "AbortError") return { failed: true, content: h("p", { role: "alert" }, "The statement was stopped.") };
      const at = error.problem?.position;
      // Characters, not the halves of them that JavaScript counts.
      if (at) editor.mark(statement.from + [...input.value.slice(statement.from)].slice(0, Number(at) - 1).join("").length);
      return { failed: true, content: refusalView(error) };
    }
  }

  const run = () => runAll(wanted());

  function runAll(statements) {
    if (statements.length === 0) {
      input.focus();
      return;
    }
    showStatements(now.texts, now.at, { replace: true });
    during(async (signal) => {
      const done = [];
      for (const statement of statements.slice(0, RUN_MAX)) {
        const { content, failed } = await tried(statement, signal, one);
        done.push([`result-${done.length + 1}`, `${done.length + 1}: ${firstWord(statement.text)}${failed ? " ■" : ""}`, () => content]);
        if (failed) break;
      }
      if (statements.length === 1) return done[0][2]();
      const left = statements.length - done.length;
      return [resultTabs(done), left > 0 && h("p.muted", {}, `${counted(left, "statement")} after it not run.`)];
    });
  }

  async function one(body, signal) {
    const limited = { ...body, limit: Number(inputOf(limit).value) };
    if (writing() === null || READS.includes(firstWord(body.statement))) {
      try {
        return rowsOf(await askSql("run", limited, signal));
      } catch (error) {
        if (writing() === null || error.problem?.sqlstate !== "25006") throw error;
      }
    }
    const done = await reviewWrite(limited, signal, (asks) => {
      answer.setAttribute("aria-busy", String(!asks));
      stop.disabled = asks;
    });
    return done === null ? h("p", { role: "status" }, "Nothing was changed.") : [h("p", { "data-testid": "sql-affected" }, done.told), done.data.columns.length > 0 && rowsOf(done.data)];
  }

  const rowsOf = (data) => [h("p", { "data-testid": "sql-told" }, toldOf(data)),
    rowsView(data, (row) => put(side, rowPanel(data.columns, row, () => put(side))))];

  function explain(measure) {
    const [statement] = wanted();
    if (!statement) return;
    during(async (signal) => (await tried(statement, signal, async (body) => planView(await askSql("explain", { ...body, run: measure }, signal)))).content);
  }

  const save = (what, type) => once(async () => {
    const [statement] = wanted();
    if (!statement) return;
    const { text } = await ask("POST", `${BASE}/${what}`, { body: { statement: statement.text, parameters: parameters.of(statement.text) }, headers: { accept: type } });
    download(`rows.${what}`, type, text);
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

  const element = h("div.split", {}, h("div", {}, strip,
    h("form", { onsubmit: (event) => event.preventDefault() }, editor.element, parameters.element,
      h("div.filters", {},
        button("Run", run, { kind: "primary", "data-testid": "sql-run" }), all, stop,
        button("Explain", () => explain(false), { "data-testid": "sql-explain" }), measured,
        button("Save as CSV", save("csv", "text/csv"), { "data-testid": "sql-csv" }),
        button("Save as JSON", save("json", "application/json"), { "data-testid": "sql-json" }), limit)),
    answer), side);
  return {
    element,
    know: ({ dialect }) => { measured.hidden = dialect !== "postgres"; },
    take(next) {
      const other = next.at !== now.at || next.texts.length !== now.texts.length;
      now = next;
      editor.set(next.texts[next.at]);
      drawn(next.texts[next.at]);
      put(strip, tabStrip(next, { closed: (at) => answers.splice(at, 1) }));
      if (other) {
        put(side);
        put(answer, answers[next.at]);
      }
    },
    stop: () => running?.left.abort(),
  };
}

/** What several statements answered, one of them at a time. */
function resultTabs(done) {
  const box = h("div");
  const choose = (now) => put(box, tabs(done, { now, choose, label: "Results" }));
  choose(done.at(-1)[0]);
  return box;
}

/** An input for each parameter that has a name; what was given stays while the statement changes. */
function parametersView() {
  const element = h("div.filters");
  const given = new Map();
  let shown = "";
  return {
    element,
    draw(statement) {
      const names = parametersOf(statement);
      if (names.join(" ") === shown) return;
      shown = names.join(" ");
      put(element, names.map((name) => field(`:${name}`, {
        autocomplete: "off", value: given.get(name) ?? "", "data-testid": `sql-parameter-${name}`,
        oninput: (event) => given.set(name, event.target.value),
      }, "empty is NULL")));
    },
    of(statement) {
      const names = parametersOf(statement);
      return names.length > 0 ? Object.fromEntries(names.map((name) => [name, given.get(name) || null])) : undefined;
    },
  };
}

/** Statements that are asked for at a time. */
const HISTORY_PAGE = 100;

async function historyView(signal, again) {
  const load = (q, cursor) => get(`${BASE}/history`, { limit: HISTORY_PAGE, q, cursor }, { signal });
  let { entries, next } = await load();
  if (entries.length === 0) return empty("You have run nothing yet.", h("a", { href: "/admin/sql" }, "To the statement"));
  const search = field("Search", { type: "search", "data-testid": "sql-history-search", oninput: debounced(300, () => find().catch(tell)) });
  const box = h("div");
  const tell = (error) => { if (error.name !== "AbortError") toastError(error); };
  const wanted = () => inputOf(search).value.trim();
  async function find() {
    const asked = wanted();
    const found = await load(asked);
    // Letters that were typed meanwhile have an answer of their own.
    if (asked !== wanted()) return;
    ({ entries, next } = found);
    draw();
  }
  function draw() {
    put(box, entries.length === 0 ? empty("No statement is like that.") : table("Statements", [
      { title: "Statement", cell: ({ statement }) => (statement.length > CELL_MAX ? `${statement.slice(0, CELL_MAX)}…` : statement) },
      { title: "Answer", cell: ({ rows, problem }) => (problem ? badge(problem, "bad") : counted(rows, "row")) },
      { title: "Took", cell: ({ ms }) => duration(ms), className: "number" },
      { title: "When", cell: ({ at }) => timeOf(at) },
    ], entries, { open: ({ statement }) => openStatement(statement) }),
    next && h("div.actions", {}, button("Older", once(async () => {
      const more = await load(wanted(), next);
      entries = [...entries, ...more.entries];
      ({ next } = more);
      draw();
    }), { "data-testid": "sql-history-older" })));
  }
  draw();
  return [h("div.filters", {}, search, button("Forget all", once(async () => {
    await ask("DELETE", `${BASE}/history`);
    toast("Forgotten");
    again();
  }))), box];
}
