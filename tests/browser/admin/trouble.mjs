// The admin site over a service that is slow, answers nothing, has no database, or forgot who looks.

import assert from "node:assert/strict";
import { accessible, base, open, pageOf, settled } from "./site.mjs";

const SCREENS = ["", "licenses", "requests", "data/hostile", "users", "uploads", "realtime", "engines", "backups", "jobs", "webhooks", "audit", "settings"];

/** Answers of the API, but not the files of the site. */
const isApi = (url) => !/^\/admin(\/(?!api\/)|$)/.test(url.pathname);

export async function trouble() {
  await slow();
  await unreachable();
  await withoutDatabase();
}

/** What is asked for is announced, and nothing jumps. */
async function slow() {
  const { page, done } = await pageOf({ viewport: { width: 360, height: 740 } });
  let release;
  const held = new Promise((resolve) => { release = resolve; });
  await open(page, "/admin");
  await page.route(isApi, async (route) => {
    await held;
    await route.continue();
  });
  await page.getByRole("button", { name: "Menu" }).click();
  await page.getByTestId("nav-licenses").click();
  await page.locator(".skeleton").waitFor();
  await accessible_(page);
  // Somebody goes on before the answer is there: the late one is not shown on the next screen.
  await page.getByRole("button", { name: "Menu" }).click();
  await page.getByTestId("nav-audit").click();
  await page.getByRole("heading", { name: "Audit", level: 1 }).waitFor();
  release();
  await settled(page);
  assert.equal(await page.getByRole("heading", { level: 1 }).textContent(), "Audit");
  assert.equal(await page.locator(".skeleton").count(), 0);
  await done();
}

/** A page that is still asking has its skeleton hidden from readers, and says that it is busy. */
async function accessible_(page) {
  assert.ok(await page.locator("[aria-busy=true]").count() > 0);
  assert.equal(await page.locator(".skeleton").first().getAttribute("aria-hidden"), "true");
}

/** Every screen says that nothing answers, and goes on when something does. */
async function unreachable() {
  const { page, done, ignoreConsole } = await pageOf({ viewport: { width: 1280, height: 800 } });
  ignoreConsole();
  await open(page, "/admin");
  await page.route(isApi, (route) => route.abort());
  for (const screen of SCREENS.slice(1)) {
    await page.evaluate((address) => {
      history.pushState(null, "", address);
      dispatchEvent(new Event("isobase:address"));
    }, `/admin/${screen}`);
    await page.getByTestId("banner").waitFor();
    await settled(page);
    if (screen === "settings" || screen === "realtime") continue;
    await page.locator(".failure").first().waitFor();
    assert.ok((await page.locator(".failure").first().textContent()).includes("cannot be reached"), screen);
  }
  await accessible(page, "a service that is gone");
  await page.unroute(isApi);
  await page.goto(`${base}/admin/data/hostile`);
  await settled(page);
  assert.equal(await page.getByTestId("banner").count(), 0);
  assert.equal(await page.locator(".failure").count(), 0);
  // Old rows stay, and the same button asks again.
  await page.route(isApi, (route) => route.abort());
  await page.getByRole("button", { name: "id" }).first().click();
  await page.locator(".failure").first().waitFor();
  assert.equal(await page.locator("[data-testid^=doc-row-]").count(), 1);
  await page.unroute(isApi);
  await page.getByRole("button", { name: "Try again" }).first().click();
  await page.locator(".failure").first().waitFor({ state: "detached" });
  await page.getByTestId("banner").waitFor({ state: "detached" });
  await done();
}

/** The database is named while it does not answer; an expired session comes back to the same place. */
async function withoutDatabase() {
  const { page, done, ignoreConsole } = await pageOf({ viewport: { width: 1280, height: 800 } });
  ignoreConsole();
  await open(page, "/admin/data/hostile");
  const problem = (status, code) => (route) => route.fulfill({
    status,
    contentType: "application/problem+json",
    body: JSON.stringify({ status, code, title: code, detail: `it is ${code} <b>`, request_id: "r-7" }),
  });
  await page.route(/\/records\//, problem(503, "unavailable"));
  await page.getByRole("button", { name: "id" }).first().click();
  await page.getByTestId("banner").filter({ hasText: "does not answer" }).waitFor();
  await page.getByText("request r-7").first().waitFor();
  await page.unroute(/\/records\//);
  await page.route(/\/records\//, problem(403, "forbidden"));
  await page.getByRole("button", { name: "Try again" }).first().click();
  await page.getByText("Your role cannot do this.").first().waitFor();
  await page.unroute(/\/records\//);
  await page.route(isApi, problem(401, "sign_in_required"));
  await page.getByRole("button", { name: "Try again" }).first().click();
  await page.locator(".sign-in").waitFor();
  await accessible(page, "the sign-in after a session");
  assert.ok(page.url().startsWith(`${base}/admin/data/hostile`), page.url());
  await done();
}
