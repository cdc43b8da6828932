// Requests: charts with their tables, one beside another, rows as they come.

import assert from "node:assert/strict";
import { WIDE, accessible, ask, base, open, pageOf, settled, until } from "./site.mjs";

const log = (body) => ask("POST", "/api/v1/db/requests", {
  service: "shop", endpoint: "/pay", method: "POST", status_code: 200, duration_ms: 20, user_identifier: "bob@example.com", ...body,
});

export async function requests() {
  const first = await log({ duration_ms: 20, request_body: "{\"amount\":1,\"currency\":\"EUR\"}", correlation_id: "c-1" });
  const second = await log({ duration_ms: 900, status_code: 500, request_body: "{\"amount\":2,\"currency\":\"EUR\"}", error: "<b>no</b>", correlation_id: "c-1", request_headers: { "Accept": "<i>any</i>", "Authorization": "Bearer hush" } });
  const { page, done } = await pageOf(WIDE);

  // Filters suggest what is there.
  await open(page, "/admin/requests");
  await page.getByTestId("req-filter-service").focus();
  await page.locator("#facet-service option[value=shop]").waitFor({ state: "attached" });
  await page.locator("#facet-endpoint option[value='/pay']").waitFor({ state: "attached" });
  await page.getByTestId("req-filter-service").fill("shop");
  await page.waitForURL("**/admin/requests?service=shop");
  await page.locator("tbody tr").first().waitFor();

  // The same numbers as lines and as a table; the counts are written some time after the requests.
  await open(page, "/admin/requests?service=shop&chart=latency");
  await until("the chart", async () => {
    await page.getByRole("button", { name: "Refresh" }).click();
    await settled(page);
    return await page.locator(".chart").count() > 0;
  });
  await page.locator(".chart .plot").focus();
  await page.keyboard.press("End");
  await page.locator(".chart [role=status]").filter({ hasText: "p95" }).waitFor();
  await accessible(page, "lines");
  await page.getByTestId("chart-table").click();
  await page.getByRole("columnheader", { name: "p99" }).waitFor();
  await page.getByTestId("req-summary").filter({ hasText: "of them 4xx or 5xx" }).waitFor();

  // Health checks are hidden until the address shows them.
  const health = await log({ endpoint: "/healthz" });
  await open(page, "/admin/requests?service=shop");
  await page.getByTestId(`req-row-${second.id}`).waitFor();
  assert.equal(await page.getByTestId(`req-row-${health.id}`).count(), 0);
  await page.getByTestId("req-hide-health").uncheck();
  await page.waitForURL("**/admin/requests?service=shop&show=health");
  await page.getByTestId(`req-row-${health.id}`).waitFor();
  await page.getByTestId("req-hide-health").check();
  await page.getByTestId(`req-row-${health.id}`).waitFor({ state: "detached" });

  // Two requests beside each other.
  await page.getByTestId(`req-row-${first.id}`).locator("button.open").click();
  await page.getByTestId("req-mark").click();
  await page.getByTestId(`req-row-${second.id}`).locator("button.open").click();
  await page.getByTestId("req-compare").click();
  await page.getByRole("heading", { name: `${first.id} beside ${second.id}` }).waitFor();
  const pair = page.locator(".beside tr", { has: page.locator("td:first-child del", { hasText: "\"amount\": 1" }) });
  await pair.locator("td:last-child ins", { hasText: "\"amount\": 2" }).waitFor();
  await accessible(page, "two requests");
  await page.getByRole("button", { name: "One alone" }).click();
  await page.getByTestId("tab-related").click();
  await page.getByRole("region", { name: "Requests of the same correlation id" }).waitFor();
  await page.getByTestId("tab-headers").click();
  await page.getByRole("row", { name: "accept <i>any</i>" }).waitFor();
  await page.getByRole("row", { name: "authorization [redacted]" }).waitFor();
  await accessible(page, "headers of a request");
  await page.getByTestId("tab-request").click();
  await page.getByTestId("json-search").fill("currency");
  await page.getByText("1 hit").waitFor();
  await page.keyboard.press("Escape");

  // Rows come by themselves, but do not push away what somebody reads.
  await open(page, "/admin/requests?service=shop&live=1");
  await page.locator("p .badge.good", { hasText: "live" }).waitFor();
  const third = await log({ endpoint: "/live<i>" });
  await page.getByTestId(`req-row-${third.id}`).waitFor();
  await page.getByTestId(`req-row-${third.id}`).locator("button.open").click();
  await page.getByTestId("req-panel").waitFor();
  const fourth = await log({ endpoint: "/later" });
  await page.getByTestId("req-fresh").waitFor();
  assert.equal(await page.getByTestId(`req-row-${fourth.id}`).count(), 0);
  await page.getByTestId("req-fresh").click();
  await page.getByTestId(`req-row-${fourth.id}`).waitFor();
  await accessible(page, "rows as they come");
  assert.equal(await page.getByTestId(`req-row-${fourth.id}`).count(), 1);
  await page.getByTestId("req-own").click();
  await page.waitForURL(`${base}/admin/requests?service=isobase&live=1`);
  await done();
}
