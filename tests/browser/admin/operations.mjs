// Backups, copies and webhooks on the admin site.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { accessible, base, open, pageOf, until } from "./site.mjs";

/** Waits until the latest delivery is as it should be. */
function latestDelivery(is) {
  return until("the delivery", async () => {
    const { deliveries } = await (await fetch(`${base}/api/v1/deliveries`)).json();
    return deliveries.length > 0 && is(deliveries[0]);
  });
}

/** What runs long: a backup, a copy that is tried and made, a service that is told what happens. */
export async function operations() {
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
  const archive = Buffer.from(await (await fetch(`${base}/api/v1/backups/${name}`)).arrayBuffer());
  await open(page, `/admin/backups?name=${name}`);
  await page.getByTestId("backup-delete").click();
  await page.getByLabel(`Type ${name} to go on`).fill(name);
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByText("There are no backups yet.").waitFor();
  // The same from elsewhere, verified when it is there.
  await page.getByTestId("backup-upload").click();
  await page.getByLabel("Archive").setInputFiles({ name: "elsewhere.isobase", mimeType: "application/octet-stream", buffer: archive });
  await accessible(page, "a backup that is uploaded");
  await page.getByRole("button", { name: "Upload", exact: true }).click();
  await page.getByTestId("job-view").getByText("succeeded").waitFor();
  await page.getByTestId("backup-row-elsewhere.isobase").getByText("verified").waitFor();

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
  await page.getByTestId("copy-samples").click();
  await page.getByRole("region", { name: "Samples of both sides" }).getByText("equal").first().waitFor();
  await accessible(page, "a copy that is done");
  await open(page, "/admin/jobs?kind=copy");
  assert.equal(await page.locator("[data-testid^=job-row-]").count(), 2);

  // One that takes long rests, and goes on. What it does meanwhile is tested where it can be held.
  const job = { id: "j-1", kind: "copy", state: "running", by: "open", paused: false, parameters: {}, progress: { stage: "copy", documents: 1, documents_total: 9 } };
  const asked = [];
  await page.route("**/api/v1/jobs/j-1**", (route) => {
    if (route.request().method() === "POST") {
      asked.push(new URL(route.request().url()).pathname.split("/").pop());
      job.paused = asked.at(-1) === "pause";
    }
    return route.fulfill({ json: job });
  });
  await open(page, "/admin/jobs?id=j-1");
  await page.getByTestId("job-pause").click();
  await page.getByTestId("job-paused").waitFor();
  await accessible(page, "a job that rests");
  await page.getByTestId("job-continue").click();
  await page.getByTestId("job-pause").waitFor();
  assert.deepEqual(asked, ["pause", "continue"]);
  job.state = "cancelled";
  await page.getByTestId("job-view").getByText("cancelled").waitFor();

  // A setting is changed while the service runs, and forgotten again.
  const setting = page.getByTestId("setting-limits.page_size_max");
  await open(page, "/admin/settings?find=page_size_max");
  // Only now: the page of the job may have asked once more.
  await page.unroute("**/api/v1/jobs/j-1**");
  await setting.getByRole("button").click();
  await page.getByTestId("setting-value").fill("many");
  expectRefusal();
  await page.getByRole("button", { name: "Change", exact: true }).click();
  await page.getByRole("alert").filter({ hasText: "expected" }).waitFor();
  await accessible(page, "a setting that is refused");
  await page.getByTestId("setting-value").fill("900");
  await page.getByRole("button", { name: "Change", exact: true }).click();
  await setting.getByText("database").waitFor();
  await setting.getByText("900").waitFor();
  await setting.getByRole("button").click();
  await page.getByTestId("setting-reset").click();
  await setting.getByText("default").waitFor();
  await page.getByRole("button", { name: /^All / }).click();
  await page.getByTestId("setting-sqlite.cache").getByText("taken at a start").waitFor();
  await accessible(page, "all settings");
  await page.getByTestId("parts").click();
  await page.getByRole("dialog").getByRole("row", { name: /^tokio / }).waitFor();
  await accessible(page, "licences of the parts");
  await page.getByRole("dialog").getByRole("button", { name: "Close" }).click();

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
