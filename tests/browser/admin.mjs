// The admin site in a real browser; ends with status 0 when everything holds. Without a key the
// service is open and empty but for what the test has stored; with a key it is closed.
//
// node admin.mjs BASE PACKAGES CHROMIUM [KEY]

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [base, packages, program, key] = process.argv.slice(2);
const require = createRequire(`${packages}/`);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const PATIENCE = 60_000;

const browser = await chromium.launch({
  executablePath: program,
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
  ],
});

/** A page whose errors and requests to other hosts are faults of the test. */
async function pageOf(options) {
  // The checker of accessibility is put in from outside; the policy of the site is tested apart.
  const context = await browser.newContext({ bypassCSP: true, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const faults = [];
  let expected = 0;
  page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() !== "error") return;
    if (expected > 0) expected -= 1;
    else faults.push(`console: ${message.text()}`);
  });
  page.on("request", (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol.startsWith("http") && origin !== new URL(base).origin) faults.push(`asks ${request.url()}`);
  });
  page.on("dialog", (dialog) => {
    faults.push(`stored text ran as a script: ${dialog.message()}`);
    dialog.dismiss();
  });
  return {
    page,
    /** A refusal that the browser tells on its console. */
    expectRefusal() { expected += 1; },
    done: async () => {
      await context.close();
      assert.deepEqual(faults, []);
    },
  };
}

/** Opens a screen and waits until it has its answers. */
async function open(page, address) {
  await page.goto(base + address);
  await settled(page);
}

async function settled(page) {
  await page.waitForSelector("main h1");
  await page.waitForFunction(() => !document.querySelector("[aria-busy=true]"));
}

async function accessible(page, where) {
  if (!await page.evaluate("typeof axe === 'object'")) await page.evaluate(axe);
  const violations = await page.evaluate(async () => {
    const found = await globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] });
    return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target).join(", ")}`);
  });
  assert.deepEqual(violations, [], where);
}

const SCREENS = [
  "/admin", "/admin/licenses", "/admin/requests", "/admin/data", "/admin/data/hostile", "/admin/data/hostile?id=1",
  "/admin/users", "/admin/uploads", "/admin/realtime", "/admin/engines", "/admin/audit", "/admin/settings",
];

/** What people do where nobody is asked for a key. */
async function openService() {
  for (const [width, colorScheme] of [[1280, "light"], [360, "dark"]]) {
    const { page, done } = await pageOf({ viewport: { width, height: 800 }, colorScheme });
    for (const address of SCREENS) {
      await open(page, address);
      const where = `${address} at ${width} px, ${colorScheme}`;
      await accessible(page, where);
      assert.equal(await page.locator(".failure").count(), 0, `${where}: ${await page.locator(".failure").allTextContents()}`);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${where} scrolls sideways`);
    }
    await done();
  }

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
    await page.keyboard.press("Escape");
    await page.waitForURL("**/admin/data/hostile");
    assert.equal(await page.locator("aside.panel").count(), 0);
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
    await page.getByTestId("doc-save").click();
    await page.locator("[data-testid^=doc-row-]").waitFor();
    const [{ id }] = await (await fetch(`${base}/records/notes`)).json();
    await page.getByTestId(`doc-row-${id}`).getByRole("button").click();
    await page.getByRole("button", { name: "Edit" }).click();
    const other = await fetch(`${base}/records/notes/${id}`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: "{\"text\":\"theirs\"}",
    });
    assert.equal(other.status, 200);
    await page.getByLabel("JSON").last().fill("{\"text\": \"mine\"}");
    expectRefusal();
    await page.getByTestId("doc-save").click();
    await page.getByRole("button", { name: "Keep mine" }).click();
    await page.getByTestId("doc-save").click();
    await page.getByText("Saved").first().waitFor();
    assert.deepEqual(await (await fetch(`${base}/records/notes/${id}`)).json(), { text: "mine", id });
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByTestId("toast-undo").click();
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
    await page.getByRole("button", { name: "ann@example.com" }).click();
    await page.getByTestId("lic-reveal-key").click();
    await page.getByText(key).waitFor();
    await accessible(page, "a licence");
    await page.getByTestId("lic-explain-run").click();
    await page.getByText("The client would be told").waitFor();
    await page.getByTestId("lic-suspend").filter({ hasText: "Suspend" }).click();
    await page.getByTestId("lic-suspend").filter({ hasText: "Reinstate" }).waitFor();
    await page.getByTestId("toast-undo").click();
    await page.getByTestId("lic-suspend").filter({ hasText: "Suspend" }).waitFor();
    await open(page, "/admin/audit");
    await page.getByRole("button", { name: "license.suspended" }).or(page.getByText("license.suspended")).first().waitFor();
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

/** Where a key is asked for: a wrong one is refused, the right one opens; keys are made and end. */
async function closedService() {
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
  await page.getByText("revoked").first().waitFor();
  assert.equal(await asks(), 401);
  await done();
}

await (key ? closedService() : openService());
await browser.close();
