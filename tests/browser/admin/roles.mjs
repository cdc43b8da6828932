// The admin site where a key or a session is asked for.

import assert from "node:assert/strict";
import { WIDE, accessible, ask, base, key, open, pageOf, settled } from "./site.mjs";

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
  await roles();
}

const SCREENS = {
  "/admin": "overview:read", "/admin/licenses": "licences:read", "/admin/requests": "requests:read", "/admin/data/notes": "read",
  "/admin/users": "accounts:read", "/admin/uploads": "uploads:read", "/admin/realtime": "read", "/admin/engines": "overview:read",
  "/admin/backups": "operations:read", "/admin/jobs": "operations:read", "/admin/webhooks": "webhooks:read",
  "/admin/audit": "audit:read", "/admin/settings": "overview:read",
};

/** Those who may not do everything: no buttons that would be refused, and what is refused is told. */
async function roles() {
  await ask("POST", "/records/notes", { text: "one" });
  const password = "a password of many letters";
  for (const [name, role] of [["val", "viewer"], ["sue", "support"], ["edd", "editor"]]) {
    await ask("POST", "/api/v1/accounts", { username: name, password, role });
    const { page, done, expectRefusal } = await pageOf(WIDE);
    expectRefusal();
    await page.goto(`${base}/admin/data/notes`);
    await page.getByLabel("Name or e-mail").fill(name);
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Sign in" }).first().click();
    await page.getByText(`${name} (${role})`).waitFor();
    await settled(page);
    const { scopes } = await page.evaluate(async () => (await fetch("/admin/api/overview")).json());
    const may = (takes) => scopes.some((scope) => scope === takes || (takes.endsWith(":read") && scope === takes.replace(":read", ":write")) || (takes === "read" && scope === "write"));
    if (role === "viewer") {
      assert.equal(await page.getByRole("button", { name: "New document" }).count(), 0);
      await page.locator("tbody button.open").first().click();
      await page.locator("aside.panel h2").waitFor();
      await settled(page);
      assert.equal(await page.getByRole("button", { name: "Delete" }).count(), 0);
      assert.equal(await page.locator("button.cell").count(), 0);
    }
    for (const [address, takes] of Object.entries(SCREENS)) {
      await open(page, address);
      const where = `${address} for ${role}`;
      assert.equal(await page.getByText("cannot see this screen").count(), may(takes) ? 0 : 1, where);
      assert.equal(await page.locator(".failure").count(), 0, where);
      assert.equal(await page.getByTestId("key-new").count(), 0, where);
      if (role === "viewer") await accessible(page, where);
    }
    await done();
  }
}
