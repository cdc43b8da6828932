// Signing in at a provider's own page, in a real browser; ends with status 0 when everything holds.
//
// node sign-in.mjs PACKAGES CHROMIUM SERVICE ISSUER

import assert from "node:assert/strict";
import { launch } from "./support.mjs";

const [, , service, issuer] = process.argv.slice(2);
const browser = await launch();

/** A browser of somebody else, with cookies of its own. */
async function person() {
  const context = await browser.newContext();
  context.setDefaultTimeout(60_000);
  return { context, page: await context.newPage() };
}

/** Fills in the provider's pages, which ask who it is and what the service may know. */
async function agree(page, login) {
  await page.waitForURL((url) => url.href.startsWith(issuer));
  await page.locator("input[name=login]").fill(login);
  await page.locator("input[name=password]").fill("any");
  await page.locator("button[type=submit]").click();
  await page.locator("input[name=prompt][value=consent]").waitFor({ state: "attached" });
  await page.locator("button[type=submit]").click();
  await page.waitForURL((url) => url.href.startsWith(service));
}

async function signIn({ page }, login) {
  await page.goto(`${service}/api/login/with/test?return_to=/api/me`);
  await agree(page, login);
}

const me = async ({ context }) => (await context.request.get(`${service}/api/me`)).json();
const identities = `${service}/api/me/identities`;

// Who comes for the first time has an account, and the browser is where it wanted to go.
const ann = await person();
await signIn(ann, "ann");
assert.equal(ann.page.url(), `${service}/api/me`);
assert.equal((await me(ann)).username, "ann");
const cookies = await ann.context.cookies(service);
const session = cookies.find(({ name }) => name.includes("session"));
assert.ok(session?.httpOnly && session.sameSite === "Lax", JSON.stringify(cookies));
assert.ok(!cookies.some(({ name }) => name.startsWith("isobase_sign_in_")), "what was kept on the way goes");
// The provider knows the browser now, and asks nothing.
await ann.context.request.post(`${service}/api/logout`);
assert.equal((await ann.context.request.get(`${service}/api/me`)).status(), 401);
await ann.page.goto(`${service}/api/login/with/test?return_to=/api/me`);
await ann.page.waitForURL(`${service}/api/me`);
assert.equal((await me(ann)).username, "ann");

// An account with a password links an identity, which signs in to it from then on.
const own = await person();
const registered = await own.context.request.post(`${service}/api/register`, {
  data: { username: "own", password: "correct horse" },
});
assert.equal(registered.status(), 200);
const begun = await own.context.request.post(identities, {
  data: { provider: "test", password: "correct horse", return_to: "/api/me" },
});
await own.page.goto((await begun.json()).url);
await agree(own.page, "unknown");
assert.equal((await (await own.context.request.get(identities)).json()).identities[0].subject, "unknown");
const fresh = await person();
await signIn(fresh, "unknown");
assert.equal((await me(fresh)).username, "own");

// Unlinked, it is somebody else.
assert.equal((await fresh.context.request.delete(`${identities}/test`)).status(), 200);
const stranger = await person();
await signIn(stranger, "unknown");
assert.equal((await me(stranger)).username, "unknown");

// An address that another browser was sent back to signs no one in, nor does one that was made up.
const victim = await person();
await victim.page.goto(`${service}/api/login/with/test`);
await victim.page.locator("input[name=login]").fill("eve");
await victim.page.locator("input[name=password]").fill("any");
await victim.page.locator("button[type=submit]").click();
await victim.page.locator("input[name=prompt][value=consent]").waitFor({ state: "attached" });
// The last step by hand, and without the address that the provider sends the browser back to.
const step = { maxRedirects: 0 };
const consented = await victim.context.request.post(victim.page.url(), { ...step, form: { prompt: "consent" } });
let stolen = consented.headers().location;
while (!stolen.startsWith(service)) {
  stolen = (await victim.context.request.get(new URL(stolen, issuer).href, step)).headers().location;
}
const thief = await person();
for (const url of [stolen, stolen.replace(/state=[^&]*/, "state=made-up")]) {
  const answer = await thief.page.goto(url);
  assert.equal(answer.status(), 403);
  assert.equal((await answer.json()).code, "sign_in_not_begun");
}
assert.equal((await thief.context.request.get(`${service}/api/me`)).status(), 401);

// Who says no at the provider is told so.
const no = await person();
await no.page.goto(`${service}/api/login/with/test`);
await no.page.waitForURL((url) => url.href.startsWith(issuer));
const [refused] = await Promise.all([
  no.page.waitForResponse(/\/callback\?/),
  no.page.getByRole("link", { name: /cancel/i }).click(),
]);
assert.equal(refused.status(), 403);
assert.equal((await refused.json()).code, "sign_in_refused");

await browser.close();
