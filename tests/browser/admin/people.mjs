// Accounts as an owner works on them: sessions, second factors, passwords; views of each.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { WIDE, accessible, answered, ask, base, open, pageOf, settled } from "./site.mjs";

const OWNER = ["olga", "a password of many letters"];
const SHE = ["sam", "another password of letters"];

async function signIn(page, [name, password]) {
  await page.locator(".sign-in").waitFor();
  await page.getByLabel("Name or e-mail").fill(name);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Sign in" }).first().click();
}

/** The code of an authenticator app (RFC 6238). */
function codeOf(secret, now = Date.now()) {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret].map((letter) => letters.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(now / 30_000)));
  const hash = createHmac("sha1", key).update(counter).digest();
  const at = hash.at(-1) & 15;
  return String((hash.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

export async function people() {
  await ask("POST", "/api/v1/accounts", { username: OWNER[0], password: OWNER[1], role: "owner", email: "olga@example.com" });
  const { id } = await ask("POST", "/api/v1/accounts", { username: SHE[0], password: SHE[1], role: "support" });
  const codes = await secondFactor();
  await asOwner(id, codes);
}

/** Somebody sets a second factor up, and signs in with it; views are of each alone. */
async function secondFactor() {
  const { page, done, expectRefusal } = await pageOf(WIDE);
  expectRefusal();
  await page.goto(`${base}/admin/settings`);
  await signIn(page, SHE);
  await page.getByTestId("factor-set-up").click();
  await page.getByLabel("Your password").fill(SHE[1]);
  await page.getByRole("button", { name: "Go on" }).click();
  const secret = (await page.getByTestId("factor-secret").textContent()).trim();
  await page.getByLabel("Code that the app shows").fill(codeOf(secret));
  await accessible(page, "a second factor that is set up");
  await page.getByRole("button", { name: "Confirm" }).click();
  const listed = page.getByTestId("recovery-codes").getByRole("listitem");
  await listed.nth(9).waitFor();
  const codes = await listed.allTextContents();
  assert.equal(codes.length, 10);
  await page.getByRole("button", { name: "I have kept them" }).click();
  await page.getByTestId("user-menu").click();
  await accessible(page, "the menu of who looks");
  await page.getByTestId("sign-out").click();
  expectRefusal();
  await signIn(page, SHE);
  await page.getByTestId("sign-in-code").fill(codes[0]);
  await page.getByRole("button", { name: "Confirm" }).click();
  // Back where it was, as somebody who may not see everything.
  await page.getByRole("heading", { name: "Your account" }).waitFor();
  await page.waitForURL(`${base}/admin/settings`);
  await open(page, "/admin/backups");
  await page.getByText("Your role (support) cannot see this screen.").waitFor();
  await open(page, "/admin/licenses");
  await page.getByTestId("views-open").click();
  await page.getByLabel("Name").fill("hers");
  await answered(page, "PUT", "/admin/api/views/hers", () => page.getByTestId("view-keep").click());
  await done();
  return codes;
}

/** An owner sees the sessions of others, ends one, and switches a second factor off. */
async function asOwner(id, codes) {
  const begun = await fetch(`${base}/api/sessions`, { method: "POST", headers: { "content-type": "application/json", "user-agent": "<script>alert(1)</script>" }, body: JSON.stringify({ username: SHE[0], password: SHE[1] }) });
  const { challenge } = await begun.json();
  const finished = await fetch(`${base}/api/sessions`, { method: "POST", headers: { "content-type": "application/json", "user-agent": "<script>alert(1)</script>" }, body: JSON.stringify({ challenge, code: codes[1] }) });
  const { token } = await finished.json();
  const asks = async () => (await fetch(`${base}/api/me`, { headers: { authorization: `Bearer ${token}` } })).status;
  assert.equal(await asks(), 200);

  const { page, done, expectRefusal } = await pageOf(WIDE);
  // A key of this tab that is revoked meanwhile is forgotten, and does not stand in the way.
  await page.addInitScript(() => {
    if (sessionStorage.length === 0) sessionStorage.setItem("isobase.key", "revoked-meanwhile");
    sessionStorage.setItem("isobase.test", "began");
  });
  expectRefusal();
  await page.goto(`${base}/admin/users?id=${id}`);
  await signIn(page, OWNER);
  const session = page.locator("aside.panel tr").filter({ hasText: "<script>" });
  await session.waitFor();
  await accessible(page, "the sessions of somebody");
  await session.getByRole("button", { name: /^End the session/ }).click();
  await session.waitFor({ state: "detached" });
  assert.equal(await asks(), 401);
  await page.getByTestId("user-second-off").click();
  await page.getByLabel(`Type ${SHE[0]} to go on`).fill(SHE[0]);
  await answered(page, "PATCH", `/api/v1/accounts/${id}`, () => page.getByRole("button", { name: "Switch off" }).click());
  await page.getByTestId("user-second-off").waitFor({ state: "detached" });
  assert.equal((await ask("GET", `/api/v1/accounts/${id}`)).second_factor, false);
  const { entries } = await ask("GET", `/api/v1/audit?object_type=account&object_id=${id}`);
  const actions = entries.map(({ action }) => action);
  assert.ok(actions.includes("account.second_factor_removed") && actions.includes("account.session_ended"), `${actions}`);
  // A session that ends while somebody writes loses nothing of it.
  await open(page, "/admin/data/drafts");
  await page.getByRole("button", { name: "New document" }).first().click();
  await page.getByLabel("JSON").fill("{\"draft\": true}");
  await page.context().clearCookies();
  expectRefusal();
  await page.getByTestId("doc-save").click();
  await signIn(page, OWNER);
  await answered(page, "POST", "/records/drafts", () => page.getByTestId("doc-save").click(), 201);
  await page.locator("dialog").waitFor({ state: "detached" });
  await open(page, "/admin/licenses");
  await page.getByTestId("views-open").click();
  await page.getByText("No views are kept yet.").waitFor();
  await page.getByRole("button", { name: "Close" }).click();
  await acts(page, id, expectRefusal);
  // Without a mail server the letter is in the log, and the screen says so.
  await open(page, "/admin/settings");
  await page.getByTestId("mail-test").click();
  await page.getByTestId("mail-told").filter({ hasText: "the letter is in the log" }).waitFor();
  await accessible(page, "a test of the mail server");
  await page.getByRole("dialog").getByRole("button", { name: "Close" }).click();
  // The last owner stays.
  await open(page, "/admin/users");
  await page.getByRole("button", { name: OWNER[0] }).click();
  await settled(page);
  expectRefusal();
  await page.getByTestId("user-block").click();
  await page.getByRole("alert").filter({ hasText: "only owner" }).waitFor();
  await done();
}

/** An owner acts as somebody, is told so on every page, and comes back by one click. */
async function acts(page, id, expectRefusal) {
  const banner = page.getByTestId("impersonation");
  const act = async (account) => {
    await open(page, `/admin/users?id=${account}`);
    await page.getByTestId("user-impersonate").click();
    await page.getByRole("button", { name: "Act as them", exact: true }).click();
  };
  await act(id);
  await banner.filter({ hasText: `${OWNER[0]}, you act as ${SHE[0]} (support)` }).waitFor();
  await open(page, "/admin/licenses");
  await banner.waitFor();
  await accessible(page, "a page of an owner who acts as somebody");
  await page.getByTestId("impersonation-end").click();
  await page.waitForURL(`${base}/admin/users`);
  await settled(page);
  await banner.waitFor({ state: "detached" });
  // A page of an app says so by the script that the service adds to it, and ends it.
  await page.route("**/app-page", (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html><html lang=en><title>An app</title><main><h1>An app</h1></main><script type=module src=/admin/assets/acting.js></script>" }));
  await act(id);
  await banner.waitFor();
  await open(page, "/app-page");
  await page.getByText(`${OWNER[0]}, you act as ${SHE[0]} (support).`).waitFor();
  await accessible(page, "a page of an app");
  await page.getByRole("button", { name: "End it" }).click();
  await page.getByText(`${OWNER[0]}, you act`).waitFor({ state: "detached" });
  // When the time is over the browser has forgotten the session, and the own one goes on.
  await act(id);
  await banner.waitFor();
  await settled(page);
  await page.context().clearCookies({ name: "isobase_session" });
  expectRefusal();
  await page.goto(`${base}/admin/users`);
  await page.getByText(OWNER[0], { exact: false }).first().waitFor();
  await banner.waitFor({ state: "detached" });
  await settled(page);
  // One who has no rights on the site finds the way back, too.
  const user = await ask("POST", "/api/v1/accounts", { username: "<b>una</b>", password: SHE[1], role: "user" });
  expectRefusal();
  await act(user.id);
  await page.getByText("<b>una</b> (user) has no rights on this site.").waitFor();
  await accessible(page, "an owner who acts as somebody without rights");
  await page.getByTestId("impersonation-end").click();
  await page.waitForURL(`${base}/admin/users`);
  await settled(page);
}
