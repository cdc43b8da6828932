// The SQL screens, where the service has a database of the owner's own.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { WIDE, accessible, base, key, open, pageOf, settled } from "./site.mjs";
import { sqlWrites } from "./sql_writes.mjs";

/** Whether it has one. */
export const hasSql = !key && (await (await fetch(`${base}/admin/api/overview`)).json()).sql;

const TABLE = "/admin/sql?view=tables&schema=main&table=orders";
const MARKS = TABLE.replace("orders", "marks");

/** The screens, to be looked at one by one. */
export const SQL_SCREENS = !hasSql ? [] : [
  "/admin/sql", "/admin/sql?q=SELECT+1&q=SELECT+%27%3Cb%3E%27+--+a&tab=1", "/admin/sql?view=tables", TABLE, `${TABLE}&part=columns`,
  `${TABLE}&part=indexes`, `${TABLE}&part=keys`, `${MARKS}&part=triggers`, `${TABLE}&part=definition`, `${TABLE}&where=%5B%5B%22note%22%2C%22is+not+null%22%5D%5D&order=total&down=1`,
  "/admin/sql?view=diagram", "/admin/sql?view=history",
];

/** A database of the owner's own: run, refused, stopped, explained, saved, looked up, drawn. */
export async function sql() {
  if (!hasSql) return;
  const { page, done, expectRefusal } = await pageOf(WIDE);
  await open(page, "/admin");
  await page.keyboard.press("g");
  await page.keyboard.press("q");
  await page.waitForURL("**/admin/sql");
  await settled(page);
  await statements(page, expectRefusal);
  await editor(page);
  await tables(page);
  await sqlWrites(page, expectRefusal);
  await done();
}

async function run(page, statement) {
  await page.getByTestId("sql-statement").fill(statement);
  await page.getByTestId("sql-statement").press("Control+Enter");
}

async function statements(page, expectRefusal) {
  await run(page, "SELECT id, note, total FROM orders ORDER BY id");
  await page.getByTestId("sql-told").getByText("3 rows").waitFor();
  await page.getByText("<img src=x onerror=alert(1)>").waitFor();
  await page.getByText("9007199254740993").waitFor();
  assert.equal(await page.locator("td em", { hasText: "NULL" }).count(), 1);
  await accessible(page, "rows");
  assert.ok(page.url().includes("q=SELECT"), page.url());
  // Sorted by a number of many digits, and opened.
  await page.getByRole("columnheader", { name: "total" }).getByRole("button").click();
  await page.locator("th[aria-sort=ascending]").waitFor();
  await page.locator("tbody button.open").first().click();
  await page.locator("aside.panel h2").waitFor();
  await accessible(page, "a row");
  await page.keyboard.press("Escape");
  assert.equal(await page.locator("aside.panel").count(), 0);

  // What the engine refuses, with the place of it.
  expectRefusal();
  await run(page, "DELETE FROM orders");
  await page.getByTestId("sql-refusal").getByText("25006").waitFor();
  await accessible(page, "a refusal");
  expectRefusal();
  await run(page, "SELECT id,, note FROM orders");
  await page.getByTestId("sql-refusal").getByText("42601").waitFor();
  assert.equal(await page.getByTestId("sql-statement").evaluate((input) => input.selectionStart), 10);

  // One that never ends is stopped: by the other request, or with its own.
  expectRefusal();
  await run(page, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n");
  await page.getByTestId("sql-stop").click();
  await page.getByRole("alert").filter({ hasText: "was stopped" }).waitFor();

  await page.getByTestId("sql-statement").fill("SELECT * FROM orders JOIN customers ON customers.id = orders.customer");
  await page.getByTestId("sql-explain").click();
  await page.getByTestId("sql-plan").getByText("SCAN", { exact: false }).first().waitFor();
  await accessible(page, "a plan");
  await page.getByTestId("sql-statement").fill("SELECT note, 9007199254740993 AS n FROM orders WHERE id = 2");
  assert.equal(await saved(page, "sql-csv"), "note,n\r\n\"'=1+1\",9007199254740993\r\n");
  assert.equal(await saved(page, "sql-json"), "[\n{\"note\":\"=1+1\",\"n\":9007199254740993}\n]\n");

  await page.getByTestId("sql-statement").fill("SELECT note, ':x' FROM orders WHERE id = :id");
  await page.getByTestId("sql-parameter-id").fill("2");
  await page.getByTestId("sql-run").click();
  await page.getByTestId("sql-told").getByText("1 row ").waitFor();
  await accessible(page, "a parameter");

  await page.getByTestId("sql-view-history").click();
  await page.getByRole("button", { name: "DELETE FROM orders", exact: true }).waitFor();
  await accessible(page, "the history");
  await page.getByTestId("sql-history-search").fill("order BY");
  await page.getByRole("button", { name: "DELETE FROM orders", exact: true }).waitFor({ state: "detached" });
  await page.getByRole("button", { name: "SELECT id, note, total FROM orders ORDER BY id" }).click();
  assert.equal(await page.getByTestId("sql-statement").inputValue(), "SELECT id, note, total FROM orders ORDER BY id");
}

async function saved(page, button) {
  const download = page.waitForEvent("download");
  await page.getByTestId(button).click();
  return readFileSync(await (await download).path(), "utf8");
}

/** Tabs that the address says, colours, completion, several statements at once. */
async function editor(page) {
  const input = page.getByTestId("sql-statement");
  await page.getByTestId("sql-tab-new").click();
  await page.waitForFunction(() => document.querySelector("[data-testid=sql-statement]").value === "");
  await input.pressSequentially("select o.");
  // Words of tables that are named only behind it.
  await input.press("End");
  await input.fill("select o. from orders o");
  await input.evaluate((field) => field.setSelectionRange(9, 9));
  await input.press("Control+ ");
  await page.getByRole("option", { name: /^note/ }).waitFor();
  await accessible(page, "completions");
  await input.pressSequentially("no");
  await page.getByRole("option", { name: /^customer/ }).waitFor({ state: "detached" });
  await input.press("Tab");
  assert.equal(await input.inputValue(), "select o.note from orders o");
  assert.equal(await page.getByRole("listbox").count(), 0);
  assert.equal(await page.locator(".editor .t-keyword", { hasText: "select" }).count(), 1);
  await page.waitForURL((address) => address.searchParams.getAll("q").at(-1) === "select o.note from orders o");
  const tab = new URL(page.url()).searchParams.get("tab");
  await page.getByTestId("sql-tab-0").click();
  await page.waitForFunction(() => document.querySelector("[data-testid=sql-statement]").value !== "select o.note from orders o");
  await page.goBack();
  await page.waitForFunction(() => document.querySelector("[data-testid=sql-statement]").value === "select o.note from orders o");
  await page.reload();
  await settled(page);
  assert.equal(new URL(page.url()).searchParams.get("tab"), tab);
  assert.equal(await input.inputValue(), "select o.note from orders o");

  await input.fill("SELECT 1 AS one; -- a; b\nSELECT ';' AS two; SELECT 3 AS three");
  await page.getByTestId("sql-run-all").click();
  await page.getByRole("tab", { name: "3: SELECT" }).waitFor();
  await page.getByRole("columnheader", { name: "three" }).waitFor();
  await page.getByRole("tab", { name: "3: SELECT" }).press("ArrowLeft");
  await page.getByRole("columnheader", { name: "two" }).waitFor();
  await accessible(page, "several results");
  // The one at the cursor.
  await input.evaluate((field) => field.setSelectionRange(2, 2));
  await input.press("Control+Enter");
  await page.getByRole("columnheader", { name: "one" }).waitFor();
  await page.getByTestId("sql-tab-close").click();
  await page.waitForFunction(() => !document.querySelector("[data-testid=sql-statement]").value.includes("three"));
}

/** The next rows begin behind the last one: the address says which, so that there is a way back. */
async function leafing(page) {
  const place = page.url();
  await open(page, `${MARKS}&order=mark&down=1`);
  await page.getByTestId("sql-told").getByText("50 rows").waitFor();
  await page.getByTestId("sql-next").click();
  await page.getByTestId("sql-told").getByText("10 rows").waitFor();
  assert.match(new URL(page.url()).searchParams.get("after"), /^\["mark \d+","\d+"\]$/);
  await page.getByTestId("sql-row-[\"1\"]").waitFor();
  await page.goBack();
  await page.getByTestId("sql-told").getByText("50 rows").waitFor();
  await open(page, place.slice(base.length));
}

/** The tables, their parts, their rows. */
async function tables(page) {
  await page.getByTestId("sql-view-tables").click();
  await page.getByTestId("sql-table-orders").getByRole("button").click();
  await page.getByTestId("sql-told").getByText("3 rows").waitFor();
  await accessible(page, "rows of a table");
  await page.getByLabel("Column", { exact: true }).selectOption("note");
  await page.getByTestId("sql-where-value").fill("IMG");
  await page.getByTestId("sql-where-add").click();
  await page.getByTestId("sql-told").getByText("1 row ").waitFor();
  assert.ok(page.url().includes("where="), page.url());
  await page.reload();
  await page.getByTestId("sql-told").getByText("1 row ").waitFor();
  await page.getByRole("button", { name: "Without: note" }).click();
  await page.getByTestId("sql-told").getByText("3 rows").waitFor();
  await page.locator("tbody button.open").first().click();
  await page.locator("aside.panel h2").waitFor();
  await accessible(page, "a row of a table");
  await page.keyboard.press("Escape");
  await page.getByTestId("tab-columns").click();
  await page.getByRole("cell", { name: "customer" }).first().waitFor();
  await page.getByTestId("tab-rows").click();
  await leafing(page);
  await page.getByTestId("sql-select").click();
  await page.getByTestId("sql-run").click();
  await page.getByTestId("sql-told").getByText("3 rows").waitFor();
  await page.getByTestId("sql-view-diagram").click();
  await page.locator(".diagram .box").nth(1).waitFor();
  await page.getByRole("button", { name: "Larger" }).click();
  await accessible(page, "the diagram");
}
