// The data browser: cells edited in place, what a document was, views, files that come and go.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { WIDE, accessible, answered, ask, base, open, pageOf, settled, until } from "./site.mjs";

const read = async (path) => (await fetch(base + path)).json();
const row = (page, id) => page.getByTestId(`doc-row-${id}`);

export async function data() {
  await cells();
  await history();
  await views();
  await files();
  await narrow();
}

/** Cells are edited by keyboard, looked at, saved with the revision that was read, and taken back. */
async function cells() {
  const { id } = await ask("POST", "/records/cells", { name: "one", count: 1, exact: 1, tags: ["a"] });
  const { page, done, expectRefusal } = await pageOf(WIDE);
  await open(page, "/admin/data/cells");
  await row(page, id).locator("button.open").focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await page.getByTestId("cell-input").fill("<b>two</b>");
  await page.keyboard.press("Tab");
  // The next cell is a number, and stays one.
  await page.getByTestId("cell-input").fill("many");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").filter({ hasText: "This is no number" }).waitFor();
  await page.getByTestId("cell-input").fill("7");
  await page.keyboard.press("Enter");
  await page.getByTestId("pending-bar").getByText("2 changes not saved").waitFor();
  await accessible(page, "changes that wait");
  await page.getByRole("button", { name: "Review" }).click();
  await page.getByRole("dialog").getByRole("cell", { name: "<b>two</b>" }).waitFor();
  await page.getByRole("button", { name: "Go on editing" }).click();
  const place = `/records/cells/${id}`;
  await answered(page, "PATCH", place, () => page.keyboard.press("Control+s"));
  assert.deepEqual(await read(place), { name: "<b>two</b>", count: 7, exact: 1, tags: ["a"], id });
  await page.getByTestId("pending-bar").waitFor({ state: "detached" });
  await answered(page, "PATCH", place, () => page.getByTestId("toast-undo").click());
  assert.deepEqual(await read(place), { name: "one", count: 1, exact: 1, tags: ["a"], id });

  // Somebody else was faster: three states side by side, and the choice.
  await settled(page);
  await row(page, id).getByRole("button", { name: "name of" }).dblclick();
  await page.getByTestId("cell-input").fill("mine");
  await page.keyboard.press("Enter");
  await ask("PUT", place, { name: "theirs", count: 2 });
  expectRefusal();
  await answered(page, "PATCH", place, () => page.getByTestId("pending-save").click(), 412);
  await page.getByRole("dialog").getByRole("cell", { name: "\"theirs\"" }).waitFor();
  await accessible(page, "a conflict");
  await answered(page, "PATCH", place, () => page.getByTestId("conflict-mine").click());
  assert.deepEqual(await read(place), { name: "mine", count: 2, id });
  // Until the page has the answer it asks whether it may be left.
  await page.getByTestId("pending-bar").waitFor({ state: "detached" });

  // The form sends only what was changed; several are deleted, and taken back.
  await open(page, `/admin/data/cells?id=${id}&tab=form`);
  await page.locator("aside.panel").getByLabel("count").fill("8");
  await answered(page, "PATCH", place, () => page.getByTestId("form-save").click());
  assert.deepEqual(await read(place), { name: "mine", count: 8, id });
  await ask("POST", "/records/cells", { name: "another" });
  await open(page, "/admin/data/cells");
  await page.locator("tbody button.open").first().focus();
  await page.keyboard.press("x");
  await page.keyboard.press("Shift+ArrowDown");
  await page.getByText("2 selected").waitFor();
  await page.getByTestId("doc-compare").click();
  for (const text of ["another", "mine"]) await page.locator("aside.panel .beside").locator("ins,del", { hasText: text }).waitFor();
  await accessible(page, "two documents beside each other");
  await page.keyboard.press("Escape");
  await page.locator("aside.panel").waitFor({ state: "detached" });
  await page.getByTestId("bulk-delete").click();
  await page.getByText("No documents are here yet.").waitFor();
  await page.getByTestId("toast-undo").click();
  await until("both documents", async () => (await read("/records/cells")).length === 2);
  await done();
}

/** What a document was is shown where it is kept, and said to be gone where it is not. */
async function history() {
  const { id } = await ask("POST", "/records/kept", { text: "first" });
  await ask("PUT", `/records/kept/${id}`, { text: "second <img src=x onerror=alert(1)>" });
  const other = await ask("POST", "/records/unkept", { text: "first" });
  const { page, done } = await pageOf(WIDE);
  await open(page, `/admin/data/kept?id=${id}&tab=history`);
  const entries = page.getByTestId("doc-history").getByRole("listitem");
  await entries.nth(1).waitFor();
  await entries.first().getByRole("button", { name: "What changed" }).click();
  await entries.first().locator("del", { hasText: "first" }).waitFor();
  await entries.first().locator("ins", { hasText: "second <img" }).waitFor();
  await accessible(page, "a history");
  const place = `/records/kept/${id}`;
  await answered(page, "PUT", place, () => entries.nth(1).getByRole("button", { name: "Bring it back" }).click());
  assert.deepEqual(await read(place), { text: "first", id });
  await open(page, `/admin/data/unkept?id=${other.id}&tab=history`);
  await page.getByTestId("body-omitted").waitFor();
  await done();
}

/** A filter that was put together, kept under a name, found again; parameters that mean nothing go. */
async function views() {
  for (const size of [1, 2, 3]) await ask("POST", "/records/views", { size, colour: "red" });
  const { page, done } = await pageOf(WIDE);
  await open(page, "/admin/data/views?nonsense=1");
  assert.ok(!page.url().includes("nonsense"));
  await page.getByTestId("filter-build").click();
  await accessible(page, "a filter that is put together");
  await page.getByLabel("Field").fill("size");
  await page.getByLabel("How").selectOption("gte");
  await page.getByLabel("Value").fill("2");
  await page.getByTestId("filter-apply").click();
  await page.getByText("2 documents").waitFor();
  await page.getByTestId("columns-open").click();
  await page.getByRole("checkbox", { name: "colour" }).uncheck();
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await page.getByRole("columnheader", { name: "colour" }).waitFor({ state: "detached" });
  const shown = page.url().slice(base.length);
  await page.getByTestId("views-open").click();
  await page.getByLabel("Name").fill("Large <b>ones</b>");
  await answered(page, "PUT", `/admin/api/views/${encodeURIComponent("Large <b>ones</b>")}`, () => page.getByTestId("view-keep").click());
  await accessible(page, "the views");
  await page.getByRole("button", { name: "Close" }).click();
  await open(page, "/admin");
  await page.keyboard.press("/");
  await page.getByRole("combobox").fill("large");
  await page.getByRole("option", { name: "View: Large <b>ones</b>" }).waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL(base + shown);
  await settled(page);
  await page.getByText("2 documents").waitFor();
  await done();
}

/** Rows come in with a mapping, and what is refused is told; they go out as a spreadsheet that computes nothing. */
async function files() {
  const { page, done } = await pageOf(WIDE);
  // As at an address of another machine without https, where browsers give pages less.
  await page.addInitScript(() => {
    delete Crypto.prototype.randomUUID;
    Object.defineProperty(Navigator.prototype, "clipboard", { get: () => undefined });
  });
  await open(page, "/admin/data/imported");
  await page.getByRole("button", { name: "Import" }).click();
  await page.getByLabel("or pasted text").fill("id,name,leave\n7,=1+1,x\n8,\"two, lines\",y\n");
  await page.getByTestId("import-look").click();
  await page.getByTestId("import-plan").filter({ hasText: "csv with “,” between cells, 3 columns" }).waitFor();
  await page.getByText("Fields", { exact: true }).first().click();
  await page.getByLabel("Field of leave").fill("");
  await page.keyboard.press("Tab");
  await page.getByRole("dialog").getByText("{\"name\":\"=1+1\"}").waitFor();
  await accessible(page, "an import");
  await page.getByTestId("import-dry").click();
  await page.getByTestId("import-done").filter({ hasText: "2 records would be stored, 0 refused" }).waitFor();
  assert.deepEqual(await read("/records/imported"), []);
  await answered(page, "POST", "/api/v1/jobs/import", () => page.getByTestId("import-run").click(), 202);
  await page.getByText("2 documents stored.").waitFor();
  assert.deepEqual(await read("/records/imported"), [{ name: "=1+1", id: 7 }, { name: "two, lines", id: 8 }]);
  await page.getByText("2 documents").first().waitFor();
  // Refused records are named by their lines; the others are stored.
  await page.getByRole("button", { name: "Import" }).click();
  await page.getByLabel("or pasted text").fill("{\"id\":7}\n\n<b>nonsense</b>\n{\"id\":9}\n");
  await page.getByTestId("import-look").click();
  await page.getByTestId("import-plan").waitFor();
  await page.getByLabel("Ids in the file").selectOption("keep");
  await page.getByTestId("import-run").click();
  await page.getByTestId("import-done").filter({ hasText: "1 record stored, 2 refused" }).waitFor();
  const refused = page.getByRole("region", { name: "Records that were refused" });
  assert.deepEqual(await refused.locator("tbody td:first-child").allTextContents(), ["1", "3"]);
  await accessible(page, "records that were refused");
  const [report] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download the report" }).click()]);
  assert.match(readFileSync(await report.path(), "utf8"), /"line":3/);
  await page.getByRole("dialog").getByRole("button", { name: "Close" }).click();
  await ask("DELETE", "/records/imported/9");
  await open(page, "/admin/data/imported");
  await page.getByRole("button", { name: "Export…" }).click();
  await page.getByLabel("As").selectOption("csv");
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Save the file" }).click()]);
  assert.equal(readFileSync(await file.path(), "utf8"), "name,id\r\n'=1+1,7\r\n\"two, lines\",8\r\n");
  await open(page, "/admin/data/imported?id=7");
  await page.locator("aside.panel").getByRole("button", { name: "Copy link" }).click();
  await page.getByRole("dialog").getByLabel("Text").waitFor();
  await done();
}

/** On a phone: in order, a cell is edited by a tap, a row is read and left. */
async function narrow() {
  for (const size of [3, 1, 2]) await ask("POST", "/records/narrow", { size });
  const { page, done } = await pageOf({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
  await open(page, "/admin/data/narrow");
  await page.getByLabel("Order").selectOption("-size");
  await page.waitForURL(`${base}/admin/data/narrow?sort=-size`);
  await settled(page);
  const sizes = page.getByRole("button", { name: /^size of / });
  await sizes.first().filter({ hasText: "3" }).waitFor();
  await sizes.first().tap();
  await page.getByTestId("cell-input").fill("9");
  await page.keyboard.press("Enter");
  await page.getByTestId("pending-save").tap();
  await until("the cell", async () => (await read("/records/narrow?size=9")).length === 1);
  await page.getByTestId("pending-bar").waitFor({ state: "detached" });
  await settled(page);
  await page.locator("tbody button.open").first().tap();
  await page.locator("aside.panel").getByRole("button", { name: "Close" }).tap();
  await page.locator("aside.panel").waitFor({ state: "detached" });
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  await done();
}
