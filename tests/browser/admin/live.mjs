// The monitor: changes as they happen, who listens, one of them cut off.

import assert from "node:assert/strict";
import { WIDE, accessible, ask, base, open, pageOf } from "./site.mjs";

/** A program that listens, and comes back by nothing. */
async function listen() {
  const ended = new AbortController();
  const answer = await fetch(`${base}/api/v1/db/requests/stream`, { headers: { "user-agent": "<b>listener</b>" }, signal: ended.signal });
  const reader = answer.body.getReader();
  await reader.read();
  return { ended, rest: async () => { while (!(await reader.read()).done); } };
}

export async function live() {
  const { page, done } = await pageOf(WIDE);
  await open(page, "/admin/realtime");
  await page.getByText("Nothing has happened").waitFor();
  await page.getByTestId("live-test").click();
  await page.getByRole("dialog").getByLabel("Collection").fill("tested");
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByRole("cell", { name: "tested" }).first().waitFor();
  await accessible(page, "changes as they happen");

  const listener = await listen();
  await page.getByTestId("tab-connections").click();
  const rows = page.locator("[data-testid^=connection-row-]");
  await rows.first().waitFor();
  await accessible(page, "who listens");
  await rows.first().getByRole("button", { name: "Disconnect" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Disconnect" }).click();
  await listener.rest();
  await page.getByText("Nobody listens now.").waitFor();
  const { connections } = await ask("GET", "/api/v1/connections");
  assert.deepEqual(connections, []);
  const { entries } = await ask("GET", "/api/v1/audit?action=connection.cut");
  assert.equal(entries.length, 1);
  listener.ended.abort();
  await done();
}
