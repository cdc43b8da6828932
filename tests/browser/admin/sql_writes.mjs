// What is changed on the SQL screens: only after the name was typed, and seen before.

import assert from "node:assert/strict";
import { accessible } from "./site.mjs";

/** Statements, rows and tables are changed; in the end everything is as it was. */
export async function sqlWrites(page, expectRefusal) {
  await page.getByTestId("sql-view-statement").click();
  await allow(page);
  await statement(page, expectRefusal);
  await rows(page, expectRefusal);
  await schema(page);
  await page.getByTestId("sql-read-only").check();
  await page.getByText("changes are allowed").waitFor({ state: "detached" });
  await page.getByTestId("sql-view-statement").click();
  expectRefusal();
  await write(page, "DELETE FROM orders");
  await page.getByTestId("sql-refusal").getByText("25006").waitFor();
}

async function write(page, text) {
  await page.getByTestId("sql-statement").fill(text);
  await page.getByTestId("sql-statement").press("Control+Enter");
}

async function allow(page) {
  const box = page.getByTestId("sql-read-only");
  await box.click();
  const dialog = page.getByRole("dialog");
  const sure = dialog.getByRole("button", { name: "Allow changes" });
  await dialog.getByRole("textbox").fill("shop");
  assert.ok(await sure.isDisabled());
  await dialog.getByRole("textbox").fill("shop.db");
  await accessible(page, "the name of the database");
  await sure.click();
  await page.getByText("changes are allowed").waitFor();
  assert.ok(!await box.isChecked());
}

async function statement(page, expectRefusal) {
  await write(page, "UPDATE orders SET note = '<b>' WHERE id = 3 RETURNING id, note");
  await page.getByTestId("sql-effect").getByText("1 row").waitFor();
  await accessible(page, "what a statement would do");
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  await page.getByText("Nothing was changed.").waitFor();
  await page.getByTestId("sql-statement").press("Control+Enter");
  await page.getByTestId("sql-commit").click();
  await page.getByTestId("sql-affected").getByText("Committed: 1 row").waitFor();
  // What only reads is not asked about, and what cannot be undone wants the name again.
  await write(page, "SELECT note AS kept FROM orders WHERE id = 3");
  await page.getByRole("columnheader", { name: "kept" }).waitFor();
  await page.getByRole("cell", { name: "<b>" }).waitFor();
  await write(page, "DROP TABLE orders");
  await page.getByTestId("sql-commit-typed").waitFor();
  assert.ok(await page.getByTestId("sql-commit").isDisabled());
  await page.keyboard.press("Escape");
  await page.getByText("Nothing was changed.").waitFor();
  expectRefusal();
  await write(page, "COMMIT");
  await page.getByRole("alert").filter({ hasText: "COMMIT has no place here" }).waitFor();
}

async function rows(page, expectRefusal) {
  await page.getByTestId("sql-view-tables").click();
  await page.getByTestId("sql-table-orders").getByRole("button").click();
  const openRow = async (id) => {
    await page.getByTestId(`sql-row-["${id}"]`).locator("button.open").click();
    await page.locator("aside.panel h2").waitFor();
  };
  await openRow(3);
  await accessible(page, "a row as a form");
  await page.getByTestId("sql-null-note").check();
  await page.getByTestId("sql-row-take").click();
  // In its place: by keyboard, and NULL by a button.
  const cell = (name) => page.getByTestId("sql-row-[\"1\"]").getByRole("button", { name: `${name} of 1: ` });
  await cell("note").dblclick();
  await page.getByTestId("cell-null").waitFor();
  await page.getByTestId("cell-input").fill("elsewhere");
  await accessible(page, "a cell that is edited");
  await page.keyboard.press("Escape");
  await page.getByTestId("sql-pending").getByText("1 change not saved").waitFor();
  await cell("total").focus();
  await page.keyboard.press("F2");
  await page.getByTestId("cell-input").fill("-1");
  await page.keyboard.press("Enter");
  await page.getByTestId("sql-pending").getByText("2 changes not saved").waitFor();
  await accessible(page, "what waits");
  // The second one is refused by a check: neither is made.
  expectRefusal();
  await page.getByTestId("sql-review").click();
  await page.getByRole("alert").filter({ hasText: "CHECK" }).waitFor();
  assert.ok(await page.getByTestId("sql-save").isDisabled());
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Take the last one back" }).click();
  await page.getByTestId("sql-row-new").click();
  await page.getByTestId("sql-field-id").fill("4");
  await page.getByTestId("sql-field-note").fill("\"'</script>");
  await page.getByTestId("sql-row-take").click();
  await page.getByTestId("sql-review").click();
  await page.getByTestId("sql-shown").nth(1).waitFor();
  await accessible(page, "what is saved");
  await page.getByTestId("sql-save").click();
  await page.getByTestId("sql-told").getByText("4 rows").waitFor();
  assert.equal(await page.getByTestId("sql-pending").count(), 0);
  assert.equal(await page.locator("td em", { hasText: "NULL" }).count(), 2);
  await openRow(4);
  await page.getByTestId("sql-row-delete").click();
  await page.getByTestId("sql-review").click();
  await page.getByTestId("sql-save").click();
  await page.getByTestId("sql-told").getByText("3 rows").waitFor();
}

async function schema(page) {
  await page.getByTestId("tab-columns").click();
  await page.getByTestId("sql-new-column").click();
  await page.getByTestId("schema-name").fill("pa\"id");
  await page.getByTestId("schema-type").fill("integer");
  await accessible(page, "a new column");
  await page.getByTestId("schema-plan").click();
  await page.getByTestId("sql-shown").getByText("ADD COLUMN \"pa\"\"id\" integer").first().waitFor();
  await accessible(page, "the plan of a new column");
  await page.getByTestId("schema-apply").click();
  await page.getByTestId("sql-drop-pa\"id").click();
  const apply = page.getByTestId("schema-apply");
  await apply.waitFor();
  assert.ok(await apply.isDisabled());
  await page.getByTestId("schema-typed").fill("pa\"id");
  await accessible(page, "what drops a column");
  await apply.click();
  await page.getByTestId("sql-drop-pa\"id").waitFor({ state: "detached" });
  // A constraint by a form, for the other engine where this one has no statement for it.
  await page.getByTestId("tab-keys").click();
  await page.getByTestId("sql-add-check").click();
  await page.getByTestId("schema-name").fill("po\"sitive");
  await page.getByTestId("schema-text").fill("total >= 0");
  await accessible(page, "a new check");
  await page.getByTestId("schema-plan").click();
  await page.getByText("On PostgreSQL").click();
  await page.getByTestId("sql-shown").getByText("ADD CONSTRAINT \"po\"\"sitive\" CHECK (total >= 0)").waitFor();
  await page.keyboard.press("Escape");
  await page.getByTestId("tab-columns").click();
  // SQLite has no statement for it, and says so.
  await page.getByRole("button", { name: "Type of note" }).click();
  await page.getByTestId("schema-plan").click();
  await page.getByText("SQLite has no statement for this", { exact: false }).waitFor();
  await page.keyboard.press("Escape");
}
