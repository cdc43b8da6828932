// Every screen of the admin site: drawn, accessible, within its width.

import assert from "node:assert/strict";
import { accessible, open, pageOf } from "./site.mjs";

const SCREENS = [
  "/admin", "/admin/licenses", "/admin/requests", "/admin/data", "/admin/data/hostile", "/admin/data/hostile?id=1",
  "/admin/data/hostile?id=1&tab=form", "/admin/data/hostile?id=1&tab=history", "/admin/requests?chart=latency", "/admin/realtime?view=connections",
  "/admin/users", "/admin/uploads", "/admin/realtime", "/admin/engines", "/admin/engines?copy=1", "/admin/backups",
  "/admin/jobs", "/admin/webhooks", "/admin/audit", "/admin/settings",
];

/** Every screen, wide and light, narrow and dark. */
export async function screens() {
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
