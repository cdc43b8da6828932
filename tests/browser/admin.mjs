// The admin site in a real browser; ends with status 0 when everything holds. Without a key the
// service is open and empty but for what the test has stored; with a key it is closed.
//
// node admin.mjs BASE PACKAGES CHROMIUM [KEY]
//
// With ISOBASE_BROWSER_FLOWS=1 the screens are not looked at one by one: only what people do.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

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
  await page.locator("[aria-busy=true]").first().waitFor({ state: "detached" });
}

/**
 * Does something that asks the service, and waits for the answer to that: what the page shows may
 * already have been so before.
 */
async function answered(page, method, path, act, status = 200) {
  const is = (answer) => answer.request().method() === method && new URL(answer.url()).pathname === path;
  const [answer] = await Promise.all([page.waitForResponse(is), act()]);
  assert.equal(answer.status(), status, `${method} ${path}`);
}

async function accessible(page, where) {
  // What is being loaded again is pale for a moment.
  await page.locator("[aria-busy=true]").first().waitFor({ state: "detached" });
  if (!await page.evaluate("typeof axe === 'object'")) await page.evaluate(axe);
  const violations = await page.evaluate(async () => {
    const found = await globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] });
    return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target).join(", ")}`);
  });
  assert.deepEqual(violations, [], where);
}

const SCREENS = [
  "/admin", "/admin/licenses", "/admin/requests", "/admin/data", "/admin/data/hostile", "/admin/data/hostile?id=1",
  "/admin/users", "/admin/uploads", "/admin/realtime", "/admin/engines", "/admin/engines?copy=1", "/admin/backups",
  "/admin/jobs", "/admin/webhooks", "/admin/audit", "/admin/settings",
];

/** Every screen, wide and light, narrow and dark. */
async function screens() {
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
}

/** What people do where nobody is asked for a key. */
async function openService() {
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
    await answered(page, "POST", "/records/notes", () => page.getByTestId("doc-save").click(), 201);
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

/** Waits until the latest delivery is as it should be. */
async function latestDelivery(is) {
  for (const end = Date.now() + PATIENCE; Date.now() < end;) {
    const { deliveries } = await (await fetch(`${base}/api/v1/deliveries`)).json();
    if (deliveries.length > 0 && is(deliveries[0])) return;
    await new Promise((again) => { setTimeout(again, 50); });
  }
  assert.fail("the delivery does not come");
}

/** What runs long: a backup, a copy that is tried and made, a service that is told what happens. */
async function operations() {
  const folder = mkdtempSync(join(tmpdir(), "isobase-browser-"));
  const { page, done, expectRefusal } = await pageOf({ viewport: { width: 1280, height: 800 } });

  // A backup is made and verified; verified again, deleted by its name.
  await open(page, "/admin/backups");
  await page.getByTestId("backup-now").click();
  await page.getByTestId("job-view").getByText("succeeded").waitFor();
  await accessible(page, "a job that is done");
  await page.locator("[data-testid^=backup-row-]").getByText("verified").first().waitFor();
  await page.locator("[data-testid^=backup-row-] button.open").first().click();
  await page.getByTestId("backup-download").waitFor();
  await accessible(page, "a backup");
  await page.getByTestId("backup-verify").click();
  await page.getByTestId("job-view").getByText("succeeded").waitFor();
  const [{ name }] = (await (await fetch(`${base}/api/v1/backups`)).json()).backups;
  await open(page, `/admin/backups?name=${name}`);
  await page.getByTestId("backup-delete").click();
  await page.getByLabel(`Type ${name} to go on`).fill(name);
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByText("There are no backups yet.").waitFor();

  // A copy: wrong, tried, made, with what is equal on both sides.
  await open(page, "/admin/engines");
  await page.getByTestId("copy-open").click();
  await page.getByLabel("Target", { exact: true }).fill("http://example.com");
  const refused = page.waitForResponse((answer) => answer.url().endsWith("/api/v1/jobs/copy"));
  expectRefusal();
  await page.getByTestId("copy-dry").click();
  assert.equal((await refused).status(), 422);
  await page.getByRole("alert").filter({ hasText: "is a service, not a database" }).waitFor();
  await page.getByLabel("Target", { exact: true }).fill(`sqlite://${folder}/copy.db`);
  await page.getByTestId("copy-dry").click();
  await page.getByTestId("copy-dry-done").waitFor();
  assert.ok(!page.url().includes("copy.db"), "the target stays out of the address");
  await page.getByTestId("copy-go").click();
  await page.getByTestId("copy-done").waitFor();
  await page.locator("aside.panel").getByRole("cell", { name: "hostile" }).waitFor();
  await accessible(page, "a copy that is done");
  await open(page, "/admin/jobs?kind=copy");
  assert.equal(await page.locator("[data-testid^=job-row-]").count(), 2);

  // A service is told what happens; a delivery that failed is sent again.
  const came = [];
  let answer = 500;
  const receiver = createServer((request, response) => {
    came.push(request.headers["webhook-id"]);
    request.resume();
    response.writeHead(answer).end("<b>told</b>");
  });
  await new Promise((ready) => { receiver.listen(0, "127.0.0.1", ready); });
  await open(page, "/admin/webhooks");
  await page.getByTestId("hook-new").click();
  await accessible(page, "the form of a webhook");
  await page.getByLabel("Address").fill(`http://127.0.0.1:${receiver.address().port}/hook`);
  await page.getByLabel("Documents of these collections").fill("told");
  await page.getByLabel("Description").fill("<img src=x onerror=alert(1)>");
  await page.getByRole("button", { name: "Create webhook" }).click();
  assert.match(await page.getByTestId("hook-secret").textContent(), /^whsec_/);
  await page.getByRole("button", { name: "Close" }).last().click();
  await fetch(`${base}/records/told`, { method: "POST", headers: { "content-type": "application/json" }, body: "{\"a\":\"<script>\"}" });
  await latestDelivery(({ attempts }) => attempts > 0);
  await page.getByRole("button", { name: "Refresh" }).click();
  await page.locator("[data-testid^=delivery-row-] button.open").first().click();
  await page.locator("aside.panel").getByText("document.created").first().waitFor();
  await accessible(page, "a delivery");
  answer = 204;
  await page.getByTestId("delivery-resend").click();
  await latestDelivery(({ state }) => state === "delivered");
  // Where the browser is slow, the service has tried it again meanwhile.
  assert.ok(came.length >= 2);
  assert.equal(new Set(came).size, 1);
  receiver.close();
  rmSync(folder, { recursive: true });
  await done();
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

if (key) {
  await closedService();
} else {
  if (!process.env.ISOBASE_BROWSER_FLOWS) await screens();
  await openService();
  await operations();
}
await browser.close();
