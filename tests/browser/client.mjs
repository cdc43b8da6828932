// isobase.js in a real browser, with the real backend; ends with status 0 when everything holds.
//
// ISOBASE_TEST_EXECUTABLE=… node client.mjs PACKAGES CHROMIUM

import assert from "node:assert/strict";
import { Backend } from "../../js/test/support.mjs";
import { launch } from "./support.mjs";

const APP = `
[collections.notes]
event = "note"
fields.text = { type = "string", required = true }
`;
const PAGE = `<!doctype html><link rel="icon" href="data:,"><script type="module">
  import { Isobase } from "/isobase.js";
  window.client = new Isobase();
  window.seen = [];
  window.listening = client.collection("notes").listen({
    created: ({ text }) => void seen.push(text),
    deleted: ({ id }) => void seen.push(-id),
    reload: ({ reason }) => void seen.push(reason),
  });
  const kept = new Isobase(location.origin, { session: "local" });
  window.kept = kept;
  window.users = [];
  kept.auth.onChange((user) => void users.push(user?.username ?? null));
</script>`;

const browser = await launch();
const backend = await Backend.start({ "isobase.toml": APP, "index.html": PAGE });
const context = await browser.newContext();

/** Waits until something is so in a page. A page that is not in front draws no frames to wait for. */
const holds = (page, check) => page.waitForFunction(check, null, { polling: 50, timeout: 60_000 });

async function open() {
  const page = await context.newPage();
  const faults = [];
  page.on("pageerror", (error) => faults.push(error.message));
  page.faults = faults;
  await page.goto(backend.url);
  await holds(page, () => window.seen?.[0] === "start");
  return page;
}

const [one, two] = [await open(), await open()];
const create = (page, text) => page.evaluate((text) => client.collection("notes").create({ text }), text);
const seen = (page) => page.evaluate(() => seen);

// A session by a cookie, which no script can read, and which outlives the page.
const user = await one.evaluate(() => client.auth.register({ username: "ann", password: "correct horse" }));
assert.equal(user.username, "ann");
assert.equal(await one.evaluate(() => document.cookie), "");
await one.reload();
await holds(one, () => window.seen?.includes("start"));
assert.equal(await one.evaluate(async () => (await client.auth.me()).username), "ann");
assert.equal((await two.evaluate(async () => await client.auth.me())).username, "ann");
// What is written before a stream is open again is part of what it has read anew, and not told.
for (const page of [one, two]) await holds(page, () => seen.at(-1) === "session");

// Two windows see what either writes, also over a restart.
await create(one, "a");
await create(two, "b");
for (const page of [one, two]) await holds(page, () => seen.includes("b"));
await backend.stop();
for (const page of [one, two]) await holds(page, () => listening.state === "waiting");
await backend.run();
for (let n = 0; n < 10; n += 1) await create(n % 2 ? one : two, `n${n}`);
const written = ["a", "b", ...Array.from({ length: 10 }, (_, n) => `n${n}`)];
for (const page of [one, two]) {
  await holds(page, () => seen.includes("n9"));
  const told = (await seen(page)).filter((text) => text !== "start" && text !== "session");
  assert.deepEqual(told, written);
}

// A file, with how far it is.
const upload = await one.evaluate(async () => {
  const progress = [];
  const bytes = new Uint8Array(1_000_000).fill(97);
  const kept = await client.upload(new File([bytes], "a.txt"), { progress: (sent, size) => void progress.push([sent, size]) });
  const read = await (await fetch(kept.url)).text();
  return { kept, progress, same: read === "a".repeat(1_000_000) };
});
assert.equal(upload.kept.size, 1_000_000);
assert.ok(upload.same);
assert.deepEqual(upload.progress.at(-1), [1_000_000, 1_000_000]);
// In pieces, over a cut.
await one.exposeFunction("cut", () => backend.cut());
const resumed = await one.evaluate(async () => {
  const sent = [];
  const progress = async (count) => void (sent.push(count) === 1 && await cut());
  const file = new File([new Uint8Array(1_000_000).fill(98)], "b.txt");
  const kept = await client.upload(file, { resumable: localStorage, progress });
  const read = await (await fetch(kept.url)).text();
  return { sent, same: read === "b".repeat(1_000_000), left: localStorage.length };
});
assert.equal(resumed.sent.at(-1), 1_000_000);
assert.deepEqual([resumed.same, resumed.left], [true, 0]);
const stopped = await one.evaluate(async () => {
  const controller = new AbortController();
  controller.abort();
  return client.upload(new Blob(["x"]), { signal: controller.signal }).catch((error) => error.name);
});
assert.equal(stopped, "AbortError");

// A token in the browser's storage: another window learns of it.
await one.evaluate(() => kept.auth.login({ username: "ann", password: "correct horse" }));
await holds(two, () => users.at(-1) === "ann");
assert.equal((await two.evaluate(() => kept.auth.me())).username, "ann");
await two.evaluate(() => kept.auth.logout());
await holds(one, () => users.at(-1) === null);
assert.equal(await one.evaluate(() => localStorage.length), 0);

await one.evaluate(() => client.auth.logout());
assert.equal(await two.evaluate(() => client.auth.me()), null);
const refusal = await one.evaluate(() => client.upload(new Blob(["x"])).catch(({ code, status }) => [code, status]));
assert.equal(refusal[1], 401);
for (const page of [one, two]) assert.deepEqual(page.faults, []);

// The page of routes shows them, and its policy keeps nothing of it back.
const docs = await context.newPage();
const faults = [];
docs.on("console", (message) => message.type() === "error" && faults.push(message.text()));
docs.on("request", (request) => /^data:/.test(request.url()) || request.url().startsWith(backend.url) || faults.push(request.url()));
await docs.goto(`${backend.url}/docs`);
await holds(docs, () => {
  const shown = document.querySelector("rapi-doc")?.shadowRoot?.textContent;
  return shown?.includes("/records/{collection}") && shown.includes("/api/notes");
});
assert.deepEqual(faults, []);

await browser.close();
await backend.end();
