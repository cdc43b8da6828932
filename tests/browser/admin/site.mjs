// The admin site in a browser, as all of its tests drive it.
//
// node admin.mjs BASE PACKAGES CHROMIUM [KEY]

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

export const [base, packages, program, key] = process.argv.slice(2);
const require = createRequire(`${packages}/`);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
export const PATIENCE = 60_000;

export const browser = await chromium.launch({
  executablePath: program,
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
  ],
});

/** A page whose errors and requests to other hosts are faults of the test. */
export async function pageOf(options) {
  // The checker of accessibility is put in from outside; the policy of the site is tested apart.
  const context = await browser.newContext({ bypassCSP: true, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const faults = [];
  let expected = 0;
  let listens = true;
  page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() !== "error" || !listens) return;
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
    /** For what answers nothing: the browser tells each request on its console. */
    ignoreConsole() { listens = false; },
    done: async () => {
      await context.close();
      assert.deepEqual(faults, []);
    },
  };
}

/** Opens a screen and waits until it has its answers. */
export async function open(page, address) {
  await page.goto(base + address);
  await settled(page);
}

export async function settled(page) {
  await page.waitForSelector("main h1");
  await page.locator("[aria-busy=true]").first().waitFor({ state: "detached" });
}

/**
 * Does something that asks the service, and waits for the answer to that: what the page shows may
 * already have been so before.
 */
export async function answered(page, method, path, act, status = 200) {
  const is = (answer) => answer.request().method() === method && new URL(answer.url()).pathname === path;
  const [answer] = await Promise.all([page.waitForResponse(is), act()]);
  assert.equal(answer.status(), status, `${method} ${path}`);
}

export async function accessible(page, where) {
  // What is being loaded again is pale for a moment.
  await page.locator("[aria-busy=true]").first().waitFor({ state: "detached" });
  if (!await page.evaluate("typeof axe === 'object'")) await page.evaluate(axe);
  const violations = await page.evaluate(async () => {
    const found = await globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] });
    return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target).join(", ")}`);
  });
  assert.deepEqual(violations, [], where);
}

/** Waits until something is so, asked again and again. */
export async function until(what, holds) {
  for (const end = Date.now() + PATIENCE; Date.now() < end;) {
    const found = await holds();
    if (found) return found;
    await new Promise((again) => { setTimeout(again, 50); });
  }
  assert.fail(`it never came: ${what}`);
}

/** Asks the service as a program does. */
export async function ask(method, path, body, headers = {}) {
  const answer = await fetch(base + path, {
    method,
    headers: { "content-type": "application/json", ...(key ? { "x-api-key": key } : {}), ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return text === "" ? null : JSON.parse(text);
}

export const WIDE = { viewport: { width: 1280, height: 800 } };
