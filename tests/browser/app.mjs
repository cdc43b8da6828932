// The app of `isobase new` in a real browser, as its people use it; ends with status 0 when
// everything holds.
//
// ISOBASE_TEST_EXECUTABLE=… node app.mjs PACKAGES CHROMIUM

import assert from "node:assert/strict";
import { Backend } from "../../js/test/support.mjs";
import { launch } from "./support.mjs";

/** A picture of one red point. */
const PICTURE = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==", "base64");

const browser = await launch();
const backend = await Backend.startNew();
const context = await browser.newContext();

/** A window of the app, whose errors and requests to other hosts are faults. */
async function open() {
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  page.faults = [];
  page.on("pageerror", (error) => page.faults.push(error.message));
  page.on("dialog", (dialog) => {
    page.faults.push(`stored text ran as a script: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("request", (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol.startsWith("http") && origin !== backend.url) page.faults.push(`asks ${request.url()}`);
  });
  await page.goto(backend.url);
  return page;
}

const item = (page, name) => page.locator("#items li").filter({ hasText: name });
const add = async (page, name) => {
  await page.locator("#add input").fill(name);
  await page.getByRole("button", { name: "Add" }).click();
};

// Registering signs in; a wrong password and a taken name are told.
const one = await open();
await one.getByPlaceholder("Name").fill("ann");
await one.getByPlaceholder("Password").fill("correct horse");
await one.getByRole("button", { name: "Log in" }).click();
await one.getByRole("alert").filter({ hasText: "Invalid credentials" }).waitFor();
await one.getByRole("button", { name: "Register" }).click();
await one.getByText("Hello, ann").waitFor();

// Two windows see what either does, at once.
await add(one, "milk");
await item(one, "milk").waitFor();
const two = await open();
await two.getByText("Hello, ann").waitFor();
await item(two, "milk").waitFor();
await add(two, "<img src=x onerror=alert(1)>");
await item(one, "<img src=x").waitFor();
await item(one, "milk").getByRole("checkbox").check();
await two.locator("#items span.done", { hasText: "milk" }).waitFor();

await one.locator("#upload").setInputFiles({ name: "point.png", mimeType: "image/png", buffer: PICTURE });
// A window that is not in front draws no frames to wait for.
await one.waitForFunction(() => document.getElementById("picture").naturalWidth === 1, null, { polling: 50 });

// The service is started again: both windows go on where they were, and no one is signed out.
await backend.stop();
await add(two, "nothing");
await two.getByRole("alert").filter({ hasText: "cannot be reached" }).waitFor();
await backend.run();
await add(two, "tea");
for (const page of [one, two]) await item(page, "tea").waitFor();
await item(two, "milk").getByRole("button", { name: "Delete" }).click();
await item(one, "milk").waitFor({ state: "detached" });
assert.equal(await one.locator("#pages").textContent(), "Page 1 of 1, 2 in all");
const shown = await one.locator("#picture").getAttribute("src");
assert.equal((await fetch(backend.url + shown)).headers.get("content-type"), "image/png");

// Logging out ends the session at the service too.
await one.getByRole("button", { name: "Log out" }).click();
await one.getByPlaceholder("Password").waitFor();
assert.equal(await one.evaluate(async () => (await fetch("/api/me")).status), 401);
await one.reload();
await one.getByPlaceholder("Password").waitFor();
for (const page of [one, two]) assert.deepEqual(page.faults, []);

await browser.close();
await backend.end();
