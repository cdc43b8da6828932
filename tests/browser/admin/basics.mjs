// What people do most on the admin site, where no one is asked for a key.

import assert from "node:assert/strict";
import { accessible, answered, ask, base, open, pageOf, settled } from "./site.mjs";

/** What people do where no one is asked for a key. */
export async function basics() {
  // By keyboard: the palette, a row, back.
  {
    const { page, done } = await pageOf({ viewport: { width: 1280, height: 800 } });
    await open(page, "/admin");
    await page.keyboard.press("/");
    await page.getByRole("combobox").fill("hostile");
    await page.getByRole("option", { name: "Data: hostile" }).waitFor();
    await page.keyboard.press("Enter");
    await page.waitForURL("**/admin/data/hostile");
    await settled(page);
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/admin/data/hostile?id=1");
    await page.locator("aside.panel h2").waitFor();
    await accessible(page, "an open row");
    // The focus is at the head of what was opened, goes along the tabs, and back to the row.
    await page.locator("aside.panel h2:focus").waitFor();
    await page.getByRole("tab", { name: "JSON" }).focus();
    await page.keyboard.press("ArrowRight");
    await page.locator("[role=tab]:focus", { hasText: "Form" }).waitFor();
    await page.keyboard.press("ArrowRight");
    await page.locator("[role=tab]:focus", { hasText: "History" }).waitFor();
    await page.keyboard.press("Escape");
    await page.locator("tr[data-testid=doc-row-1] button.open:focus").waitFor();
    await page.waitForURL("**/admin/data/hostile");
    await page.locator("aside.panel").waitFor({ state: "detached" });
    await page.keyboard.press("g");
    await page.keyboard.press("l");
    await page.waitForURL("**/admin/licenses");
    await done();
  }

  // A document is made, deleted and taken back; two who edit the same are told of each other.
  {
    const { page, done, expectRefusal } = await pageOf({ viewport: { width: 1280, height: 800 } });
    await open(page, "/admin/data/notes");
    await page.getByRole("button", { name: "New document" }).first().click();
    await page.getByLabel("JSON").fill("{\"text\": ");
    await page.getByTestId("doc-save").click();
    await page.getByRole("alert").filter({ hasText: "no JSON" }).waitFor();
    await accessible(page, "the editor");
    await page.getByLabel("JSON").fill("{\"text\": \"first\"}");
    await answered(page, "POST", "/records/notes", () => page.getByTestId("doc-save").click(), 201);
    await page.locator("[data-testid^=doc-row-]").waitFor();
    const [{ id }] = await (await fetch(`${base}/records/notes`)).json();
    await page.getByTestId(`doc-row-${id}`).locator("button.open").click();
    await page.getByRole("button", { name: "Edit" }).click();
    const other = await fetch(`${base}/records/notes/${id}`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: "{\"text\":\"theirs\"}",
    });
    assert.equal(other.status, 200);
    await page.getByLabel("JSON").last().fill("{\"text\": \"mine\"}");
    expectRefusal();
    const place = `/records/notes/${id}`;
    await answered(page, "PUT", place, () => page.getByTestId("doc-save").click(), 412);
    await page.getByRole("button", { name: "Keep mine" }).click();
    await answered(page, "PUT", place, () => page.getByTestId("doc-save").click());
    assert.deepEqual(await (await fetch(`${base}/records/notes/${id}`)).json(), { text: "mine", id });
    await answered(page, "DELETE", place, () => page.getByRole("button", { name: "Delete" }).click());
    await answered(page, "PUT", place, () => page.getByTestId("toast-undo").click(), 201);
    await page.getByTestId(`doc-row-${id}`).waitFor();
    assert.deepEqual(await (await fetch(`${base}/records/notes/${id}`)).json(), { text: "mine", id });
    await done();
  }

  // A licence: made, explained, suspended, taken back; its key is shown once it is asked for.
  {
    const { page, done } = await pageOf({ viewport: { width: 1280, height: 800 } });
    await open(page, "/admin/licenses");
    await page.getByTestId("lic-new").click();
    await accessible(page, "the form of a licence");
    await page.getByLabel("E-mail", { exact: true }).last().fill("ann@example.com");
    await page.getByRole("button", { name: "Create licence" }).click();
    const key = (await page.getByTestId("lic-new-key").textContent()).trim();
    await page.getByRole("button", { name: "Close" }).last().click();
    await page.getByRole("button", { name: "ann@example.com", exact: true }).click();
    await page.getByTestId("lic-reveal-key").click();
    await page.getByText(key).waitFor();
    await accessible(page, "a licence");
    await page.getByTestId("tab-try").click();
    await page.getByTestId("lic-explain-run").click();
    await page.getByText("The client would be told").waitFor();
    await page.getByTestId("lic-suspend").filter({ hasText: "Suspend" }).click();
    await page.getByTestId("lic-suspend").filter({ hasText: "Reinstate" }).waitFor();
    await page.getByTestId("toast-undo").click();
    await page.getByTestId("lic-suspend").filter({ hasText: "Suspend" }).waitFor();

    // Found by its installations.
    await ask("POST", "/api/v1/license/activate", { email: "ann@example.com", installation_id: "laptop", license_key: key, label: "<b>Ann's</b>", app_version: "2.4" });
    await open(page, "/admin/licenses");
    await page.getByTestId("lic-filter-installations").selectOption("below_limit");
    await page.waitForURL("**/admin/licenses?installations=below_limit");
    await page.getByRole("row").filter({ hasText: "ann@example.com" }).getByRole("cell", { name: "1 / 2" }).waitFor();
    await page.getByTestId("lic-filter-seen").selectOption("older-30");
    await page.getByText("No licence matches.").waitFor();
    await page.getByRole("button", { name: "Clear filters" }).click();
    await page.getByRole("row").filter({ hasText: "ann@example.com" }).waitFor();
    await page.getByTestId("lic-search").fill("LAPT");
    await page.getByTestId("lic-by-installation").waitFor();
    await page.getByRole("row").filter({ hasText: "ann@example.com" }).waitFor();
    await page.getByRole("button", { name: "ann@example.com", exact: true }).click();
    await page.getByTestId("tab-installations").click();
    await page.getByRole("row").filter({ hasText: "<b>Ann's</b> laptop" }).getByRole("cell", { name: "2.4" }).waitFor();

    // Brought in from a table whose columns are called otherwise: tried, then written.
    await open(page, "/admin/licenses");
    await page.getByTestId("lic-import").click();
    const rows = "Customer;Serial;Valid until\nbea@example.com;own-1;2099-01-31\nno key@example.com;;\n=1+1@example.com;own-2;\n";
    await page.getByTestId("lic-import-file").setInputFiles({ name: "licences.csv", mimeType: "text/csv", buffer: Buffer.from(rows) });
    await page.getByTestId("lic-import-found").filter({ hasText: "3 rows" }).waitFor();
    assert.equal(await page.getByTestId("lic-map-license_key").inputValue(), "Serial");
    await page.getByTestId("lic-map-status").selectOption("");
    await page.getByTestId("lic-import-try").click();
    await page.getByTestId("lic-import-told").filter({ hasText: "2 new, 0 changed, 0 as they are, 1 refused" }).waitFor();
    await page.getByText("row 2: it has no key").waitFor();
    await accessible(page, "an import of licences");
    await page.getByTestId("lic-import-run").click();
    await page.getByTestId("lic-import-told").filter({ hasText: "Done. Licences: 2 new" }).waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Close" }).click();
    await page.getByRole("row").filter({ hasText: "bea@example.com" }).waitFor();
    await page.getByTestId("lic-filter-status").selectOption("grace");
    await page.getByText("No licence matches.").waitFor();
    await open(page, "/admin/audit");
    await page.getByRole("button", { name: "license.suspended" }).or(page.getByText("license.suspended")).first().waitFor();
    // Found by day, and as it was written.
    await open(page, "/admin/audit?to=2020-01-01");
    await page.getByText("No entry matches.").waitFor();
    await open(page, "/admin/audit");
    await page.getByTestId("audit-verify").click();
    await page.waitForURL("**/admin/audit?job=*");
    await page.getByText("as it was written").waitFor();
    await accessible(page, "an audit that was verified");
    await done();
  }

  // Requests: the newest first, found by status, opened, with what was sent as text.
  {
    const { page, done } = await pageOf({ viewport: { width: 1280, height: 800 } });
    await open(page, "/admin/requests?class=5xx");
    await page.getByText("/broken").first().waitFor();
    assert.equal(await page.getByText("/fine").count(), 0);
    await page.locator("tbody button.open").first().click();
    await page.getByTestId("req-panel").waitFor();
    await settled(page);
    await accessible(page, "a request");
    await done();
  }
}
