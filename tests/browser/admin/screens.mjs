// Every screen of the admin site: drawn, accessible, within its width.

import assert from "node:assert/strict";
import { accessible, ask, base, open, pageOf } from "./site.mjs";
import { SQL_SCREENS } from "./sql.mjs";

const SCREENS = [
  "/admin", "/admin/licenses", "/admin/requests", "/admin/data", "/admin/data/hostile", "/admin/data/hostile?id=1",
  "/admin/data/hostile?id=1&tab=form", "/admin/data/hostile?id=1&tab=history", "/admin/requests?chart=latency", "/admin/realtime?view=connections",
  "/admin/users", "/admin/uploads", "/admin/realtime", "/admin/engines", "/admin/engines?copy=1", "/admin/backups",
  "/admin/jobs", "/admin/webhooks", "/admin/audit", "/admin/settings",
];

/** Text that would run where it is taken for more than text, in what every feature keeps. */
async function hostile() {
  const text = "<img src=x onerror=alert(1)>\"'</script>";
  const { id } = await ask("POST", "/api/v1/db/license/create", { email: "\"<b>\"@example.com", days: 5, note: text, tags: ["<i>", "=1+1"] });
  const form = new FormData();
  form.append("file", new Blob(["<script>alert(1)</script>"], { type: "text/plain" }), `${text}.txt`);
  const { filename } = await (await fetch(`${base}/api/upload`, { method: "POST", body: form })).json();
  await ask("PUT", `/admin/api/views/${encodeURIComponent(text)}`, { address: "/admin/data/hostile?filter=%3Cb%3E" });
  await ask("POST", "/api/v1/webhooks", { url: "http://127.0.0.1:9/hook?a=%3Cb%3E", topics: ["accounts"], description: text });
  return [`/admin/licenses?id=${id}`, `/admin/licenses?id=${id}&tab=try`, `/admin/licenses?id=${id}&tab=history&columns=note,tags`,
    `/admin/uploads?file=${filename}`, "/admin/uploads?as=grid"];
}

/** Every screen, wide and light, narrow and dark. */
export async function screens() {
  const addresses = [...SCREENS, ...SQL_SCREENS, ...await hostile()];
  for (const [width, colorScheme] of [[1280, "light"], [360, "dark"]]) {
    const { page, done } = await pageOf({ viewport: { width, height: 800 }, colorScheme });
    for (const address of addresses) {
      await open(page, address);
      const where = `${address} at ${width} px, ${colorScheme}`;
      await accessible(page, where);
      assert.equal(await page.locator(".failure").count(), 0, `${where}: ${await page.locator(".failure").allTextContents()}`);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${where} scrolls sideways`);
    }
    await done();
  }
}
