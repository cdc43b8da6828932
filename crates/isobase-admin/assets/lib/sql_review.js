// A statement that changes something is tried first, and shown with what it would do.

import { h } from "./dom.js";
import { counted, duration } from "./format.js";
import { rowsView, statementView } from "./sql_answer.js";
import { firstWord } from "./sql_text.js";
import { askSql, writing } from "./sql_write.js";
import { button, dialog, field } from "./ui.js";

/** More rows than these, and what cannot be undone by another statement, want the name typed again. */
const ROWS_MAX = 100;
const FINAL = ["DROP", "TRUNCATE", "ALTER"];

/** The database counts the rows of some statements, and says nothing of others. */
const effectOf = ({ affected }) => (affected === null ? "the database tells no number of rows" : `${counted(affected, "row")} affected`);

/**
 * Tries a statement, asks, and carries it out.
 * @param {{statement: string, statement_id: string}} body
 * @param {(asks: boolean) => void} asking is told while somebody is asked: nothing runs then
 * @returns {Promise<{told: string, data: any} | null>} null when it was not meant
 */
export async function reviewWrite(body, signal, asking) {
  const sent = { ...body, database: writing() };
  const tried = await askSql("write", { ...sent, dry_run: true }, signal);
  asking(true);
  const sure = await meant(body.statement, tried);
  asking(false);
  if (!sure) return null;
  const data = await askSql("write", { ...sent, ...(tried.affected === null ? {} : { expected_rows: tried.affected }) }, signal);
  return { data, told: `Committed: ${effectOf(data)}, in ${duration(data.ms)}.` };
}

function meant(statement, tried) {
  const word = tried.affected > ROWS_MAX || FINAL.includes(firstWord(statement)) ? writing() : null;
  return dialog("Change the database?", (close) => {
    const go = button("Commit", () => close(true), { kind: "danger", disabled: word !== null, "data-testid": "sql-commit" });
    const typed = word !== null && field(`Type ${word} to go on`, {
      autocomplete: "off", "data-testid": "sql-commit-typed", oninput: (event) => { go.disabled = event.target.value !== word; },
    });
    const box = h("div", {}, statementView("The statement", statement),
      h("p", { "data-testid": "sql-effect" }, "Tried and taken back: ", h("strong", {}, effectOf(tried)), "."),
      tried.columns.length > 0 && rowsView(tried, () => {}));
    return [box, typed, h("div.actions", {}, button("Cancel", () => close(false)), go)];
  });
}
