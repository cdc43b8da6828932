// The admin site where a key or a session is asked for.

import assert from "node:assert/strict";
import { accessible, base, key, open, pageOf, settled } from "./site.mjs";

/** Where a key is asked for: a wrong one is refused, the right one opens; keys are made and end. */
export async function closedService() {
  const { page, done, expectRefusal } = await pageOf({ viewport: { width: 1280, height: 800 } });
  expectRefusal();
  await page.goto(`${base}/admin`);
  await page.locator(".sign-in").waitFor();
  await accessible(page, "the sign-in");
  await page.getByText("Use a key instead").click();
  await page.getByLabel("Key", { exact: true }).fill("not-a-key");
  expectRefusal();
  await page.getByRole("button", { name: "Sign in" }).last().click();
  await page.getByRole("alert").filter({ hasText: /./ }).waitFor();
  await page.getByLabel("Key", { exact: true }).fill(key);
  await page.getByRole("button", { name: "Sign in" }).last().click();
  await page.getByTestId("hub-card-data").waitFor();
  await page.getByTestId("nav-settings").click();
  await page.getByTestId("key-new").click();
  await page.getByLabel("Name").fill("browser");
  await page.getByLabel("Scopes").fill("read");
  await page.getByRole("button", { name: "Create key" }).click();
  const secret = (await page.getByTestId("key-secret").textContent()).trim();
  const asks = async () => (await fetch(`${base}/collections`, { headers: { "x-api-key": secret } })).status;
  assert.equal(await asks(), 200);
  await page.getByRole("button", { name: "Close" }).last().click();
  await page.getByRole("button", { name: "Revoke browser" }).click();
  await page.getByLabel("Type browser to go on").fill("browser");
  await page.getByRole("button", { name: "Revoke", exact: true }).click();
  await page.getByRole("cell", { name: "revoked" }).waitFor();
  assert.equal(await asks(), 401);
  await done();
  await viewer();
}

/** Somebody who only looks: no buttons that would be refused, and what is refused is told. */
async function viewer() {
  const headers = { "content-type": "application/json", "x-api-key": key };
  const [name, password] = ["val", "a password of many letters"];
  const made = await fetch(`${base}/api/v1/accounts`, { method: "POST", headers, body: JSON.stringify({ username: name, password, role: "viewer" }) });
  assert.equal(made.status, 201);
  await fetch(`${base}/records/notes`, { method: "POST", headers, body: "{\"text\":\"one\"}" });
  const { page, done, expectRefusal } = await pageOf({ viewport: { width: 1280, height: 800 } });
  expectRefusal();
  await page.goto(`${base}/admin/data/notes`);
  await page.getByLabel("Name or e-mail").fill(name);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).first().click();
  await page.locator("[data-testid^=doc-row-]").waitFor();
  await page.getByText("val (viewer)").waitFor();
  assert.equal(await page.getByRole("button", { name: "New document" }).count(), 0);
  await page.locator("tbody button.open").first().click();
  await page.locator("aside.panel h2").waitFor();
  await settled(page);
  assert.equal(await page.getByRole("button", { name: "Delete" }).count(), 0);
  for (const address of ["/admin", "/admin/users", "/admin/backups", "/admin/webhooks", "/admin/settings"]) {
    await open(page, address);
    assert.equal(await page.locator(".failure").count(), 0, address);
    await accessible(page, `${address} for a viewer`);
  }
  assert.equal(await page.getByTestId("key-new").count(), 0);
  await done();
}
