// The SQL screens, where the service has a database of the owner's own.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { WIDE, accessible, base, key, open, pageOf, settled } from "./site.mjs";

/** Whether it has one. */
export const hasSql = !key && (await (await fetch(`${base}/admin/api/overview`)).json()).sql;

/** The screens, to be looked at one by one. */
export const SQL_SCREENS = !hasSql ? [] : [
  "/admin/sql", "/admin/sql?q=SELECT+1", "/admin/sql?view=tables", "/admin/sql?view=tables&schema=main&table=orders",
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
  const run = async (statement) => {
    await page.getByTestId("sql-statement").fill(statement);
    await page.getByTestId("sql-statement").press("Control+Enter");
  };
  await run("SELECT id, note, total FROM orders ORDER BY id");
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
  await run("DELETE FROM orders");
  await page.getByTestId("sql-refusal").getByText("25006").waitFor();
  await accessible(page, "a refusal");
  expectRefusal();
  await run("SELECT id,, note FROM orders");
  await page.getByTestId("sql-refusal").getByText("42601").waitFor();
  assert.equal(await page.getByTestId("sql-statement").evaluate((input) => input.selectionStart), 10);

  // One that never ends is stopped: by the other request, or with its own.
  expectRefusal();
  await run("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n");
  await page.getByTestId("sql-stop").click();
  await page.getByRole("alert").filter({ hasText: "was stopped" }).waitFor();

  await page.getByTestId("sql-statement").fill("SELECT * FROM orders JOIN customers ON customers.id = orders.customer");
  await page.getByTestId("sql-explain").click();
  await page.getByTestId("sql-plan").getByText("SCAN", { exact: false }).first().waitFor();
  await accessible(page, "a plan");
  await page.getByTestId("sql-statement").fill("SELECT note FROM orders WHERE id = 2");
  const saved = page.waitForEvent("download");
  await page.getByTestId("sql-csv").click();
  assert.equal(readFileSync(await (await saved).path(), "utf8"), "note\r\n\"'=1+1\"\r\n");

  await page.getByTestId("sql-statement").fill("SELECT note, ':x' FROM orders WHERE id = :id");
  await page.getByTestId("sql-parameter-id").fill("2");
  await page.getByTestId("sql-run").click();
  await page.getByTestId("sql-told").getByText("1 row ").waitFor();
  await accessible(page, "a parameter");

  await page.getByTestId("sql-view-history").click();
  await page.getByText("DELETE FROM orders").waitFor();
  await accessible(page, "the history");
  await page.getByRole("button", { name: "SELECT id, note, total FROM orders ORDER BY id" }).click();
  assert.equal(await page.getByTestId("sql-statement").inputValue(), "SELECT id, note, total FROM orders ORDER BY id");
  await page.getByTestId("sql-view-tables").click();
  await page.getByTestId("sql-table-orders").getByRole("button").click();
  await page.locator("aside.panel h2").waitFor();
  await accessible(page, "a table");
  await page.getByTestId("sql-select").click();
  await page.getByTestId("sql-run").click();
  await page.getByTestId("sql-told").getByText("3 rows").waitFor();
  await page.getByTestId("sql-view-diagram").click();
  await page.locator(".diagram .box").nth(1).waitFor();
  await page.getByRole("button", { name: "Larger" }).click();
  await accessible(page, "the diagram");
  await done();
}
