// Uploads on the admin site: found, named by documents, called otherwise, replaced, deleted.

import assert from "node:assert/strict";
import { WIDE, accessible, ask, base, open, pageOf, settled, until } from "./site.mjs";

async function uploaded(name, text) {
  const form = new FormData();
  form.append("file", new Blob([text], { type: "text/plain" }), name);
  return (await (await fetch(`${base}/api/upload`, { method: "POST", body: form })).json()).filename;
}

export async function uploads() {
  const schema = { properties: { cover: { type: "string", "x-type": "file" }, scan: { type: "string", "x-type": "file", "x-private": true } } };
  await ask("PUT", "/collections/letters/schema", schema);
  const [cover, scan, plain] = [await uploaded("<b>cover.txt", "the cover"), await uploaded("scan.txt", "the scan"), await uploaded("plain.txt", "plain")];
  const { id } = await ask("POST", "/records/letters", { cover: `/uploads/${cover}`, scan });
  const { page, done } = await pageOf(WIDE);

  // The newest is first; found by a part of its name, with the documents that name it.
  await open(page, "/admin/uploads");
  const first = page.locator("tbody tr").first();
  assert.equal(await first.getAttribute("data-testid"), `upload-row-${plain}`);
  await page.getByTestId("upload-totals").filter({ hasText: "never" }).waitFor();
  await page.getByTestId("upload-search").fill("cover");
  await page.waitForURL("**/admin/uploads?q=cover");
  await page.getByTestId(`upload-row-${plain}`).waitFor({ state: "detached" });
  await page.getByTestId(`upload-row-${cover}`).locator("button.open").click();
  const uses = page.getByTestId("upload-uses");
  await uses.getByRole("link", { name: `letters/${id}` }).waitFor();
  await page.locator("pre", { hasText: "the cover" }).waitFor();
  await accessible(page, "an upload");

  // Called otherwise and back.
  await page.getByTestId("upload-rename").click();
  await page.getByLabel("Name", { exact: true }).fill("title.txt");
  await page.getByRole("dialog").getByRole("button", { name: "Rename" }).click();
  await page.getByRole("heading", { name: "title.txt" }).waitFor();
  await page.getByTestId("toast-undo").click();
  await page.getByRole("heading", { name: "<b>cover.txt" }).waitFor();

  // Another file takes its place in the document, and gives it back.
  await page.getByTestId("upload-replace").click();
  await accessible(page, "the replacement of an upload");
  await page.getByLabel("The other file").setInputFiles({ name: "new.txt", mimeType: "text/plain", buffer: Buffer.from("another") });
  await page.getByTestId("upload-replace-go").click();
  await page.getByRole("heading", { name: "new.txt" }).waitFor();
  const named = async () => (await ask("GET", `/records/letters/${id}`)).cover;
  const other = await named();
  assert.notEqual(other, `/uploads/${cover}`);
  assert.equal(await (await fetch(base + other)).text(), "another");
  await page.getByTestId("toast-undo").last().click();
  await until("the old file in its place", async () => await named() === `/uploads/${cover}`);
  await page.getByRole("heading", { name: "<b>cover.txt" }).waitFor();

  // A PDF is shown by the browser, in a frame that no script of this page and none of the file reaches.
  const pdf = await uploaded("paper.pdf", "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n");
  await open(page, `/admin/uploads?file=${pdf}`);
  const frame = page.locator("iframe.preview");
  await frame.waitFor();
  const shown = await fetch(base + await frame.getAttribute("src"));
  assert.equal(shown.headers.get("content-disposition"), "inline");
  assert.match(shown.headers.get("content-security-policy"), /^default-src 'none'; object-src 'self';/);
  await accessible(page, "a PDF");

  // A private file is shown by a link, and said to be private.
  await open(page, `/admin/uploads?state=named&private=true&file=${scan}`);
  await page.getByTestId(`upload-row-${scan}`).locator(".badge", { hasText: "private" }).waitFor();
  await page.locator("pre", { hasText: "the scan" }).waitFor();
  assert.match(await page.getByRole("link", { name: "Download" }).getAttribute("href"), /signature=/);

  // Several at once; nothing is lost where they are kept.
  await open(page, "/admin/uploads?state=never_named&q=plain.txt");
  await page.getByLabel("Select plain.txt").check();
  await page.getByTestId("upload-bulk").filter({ hasText: "1 selected, 5 B" }).waitFor();
  await page.getByTestId("upload-delete-selected").click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByText("No file matches.").waitFor();
  assert.equal((await fetch(`${base}/uploads/${plain}`)).status, 404);
  await page.getByTestId("upload-strays").click();
  await page.getByText("No bytes are lost").waitFor();
  await settled(page);
  await done();
}
