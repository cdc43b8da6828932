// The pictures of docs/admin.md: a service with orders, licences and requests, as its people see it.
//
// ISOBASE_TEST_EXECUTABLE=… node pictures.mjs PACKAGES CHROMIUM

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { crc32, deflateSync } from "node:zlib";
import { Backend } from "../../js/test/support.mjs";
import { launch } from "./support.mjs";

const FOLDER = fileURLToPath(new URL("../../docs/images/", import.meta.url));
/** What a picture may take. */
const BYTES_MAX = 60_000;
const HOUR_MS = 3_600_000;

/** Numbers that are the same each time. */
function numbers(seed) {
  let state = seed;
  return () => {
    state = (state * 16_807) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

const backend = await Backend.start({ "isobase.toml": "[changes]\nbodies_of = [\"orders\"]\n" });
const ask = async (method, path, body) => {
  const answer = await fetch(backend.url + path, { method, headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  assert.ok(answer.ok, `${method} ${path}: ${await answer.clone().text()}`);
  return answer.json();
};

/** A day of two services, slower and less well in one hour of it. */
async function fill() {
  const next = numbers(7);
  const pick = (list) => list[Math.floor(next() * list.length)];
  const requests = Array.from({ length: 1_200 }, (_, index) => {
    const ago = next() * 23;
    const bad = ago > 6 && ago < 7.5;
    const status = next() < (bad ? 0.6 : 0.96) ? 200 : pick([404, 429, 503]);
    return {
      service: pick(["llm", "llm", "checkout"]),
      ...pick([{ method: "POST", endpoint: "/v1/chat" }, { method: "POST", endpoint: "/v1/summaries" }, { method: "GET", endpoint: "/v1/models" }]),
      status_code: status,
      duration_ms: Math.round(30 * Math.exp(next() * (bad ? 4.6 : 2.8))),
      user_identifier: `user${Math.floor(next() * 40)}@example.com`,
      timestamp: new Date(Date.now() - ago * HOUR_MS).toISOString(),
      request_id: `r-${index}`,
      correlation_id: `c-${Math.floor(next() * 400)}`,
      request_body: JSON.stringify({ model: "small-1", prompt: "Sum up the meeting of today", temperature: 0.2, tags: ["minutes"] }),
      response_body: status === 200 ? JSON.stringify({ text: "Three points were agreed.", usage: { in: 412, out: 96 } }) : null,
      error: status === 503 ? "the model did not answer in 30 s" : null,
    };
  });
  for (let at = 0; at < requests.length; at += 200) await ask("POST", "/api/v1/db/requests/batch", { requests: requests.slice(at, at + 200) });
  for (let number = 1_001; number <= 1_040; number += 1) {
    // Ids of one's own: the numbers of the service go through all that it keeps.
    await ask("PUT", `/records/orders/${number - 1_000}?upsert=true`, { number, customer: pick(["Amann", "Baker", "Costa", "Dubois"]), status: pick(["open", "paid", "sent"]), total: Math.round(next() * 40_000) / 100 });
  }
  await ask("PATCH", "/records/orders/3", { status: "paid", total: 120.5 });
  await ask("PATCH", "/records/orders/3", { status: "sent", tracking: "EX-20117" });
  for (const customer of ["Amann", "Baker", "Costa", "Dubois"]) await ask("POST", "/records/customers", { customer });
  for (let index = 0; index < 18; index += 1) {
    await ask("POST", "/api/v1/db/license/create", { email: `user${index}@example.com`, days: 12 + index * 21, tags: index % 3 ? ["beta"] : [] });
  }
  await ask("POST", "/api/v1/jobs/backup", {});
}

/** A picture with at most 256 colours: a third of its bytes, and the same to the eye. */
async function withPalette(page, png) {
  const { width, height, colours, places } = await page.evaluate(async (text) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
    context.drawImage(bitmap, 0, 0);
    const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
    const points = Array.from({ length: data.length / 4 }, (_, at) => [0, 1, 2].map((channel) => Math.min(255, (data[at * 4 + channel] + 8) & 0xf0)));
    const seen = new Map();
    points.forEach((point, at) => {
      const key = point.join();
      const known = seen.get(key) ?? { number: 0, colour: [0, 1, 2].map((channel) => data[at * 4 + channel]) };
      known.number += 1;
      seen.set(key, known);
    });
    const most = [...seen].sort(([, one], [, other]) => other.number - one.number).slice(0, 256);
    const place = new Map(most.map(([key], at) => [key, at]));
    const colours = most.map(([, { colour }]) => colour);
    const nearest = ([r, g, b]) => {
      let [best, least] = [0, Infinity];
      colours.forEach(([x, y, z], at) => {
        const far = (r - x) ** 2 + (g - y) ** 2 + (b - z) ** 2;
        if (far < least) [best, least] = [at, far];
      });
      return best;
    };
    for (const [key] of seen) if (!place.has(key)) place.set(key, nearest(key.split(",").map(Number)));
    return { width: bitmap.width, height: bitmap.height, colours, places: points.map((point) => place.get(point.join())) };
  }, png.toString("base64"));
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width);
  head.writeUInt32BE(height, 4);
  head.set([8, 3], 8);
  // Each line begins with its filter: none.
  const lines = Array.from({ length: height }, (_, line) => [0, ...places.slice(line * width, (line + 1) * width)]);
  return Buffer.concat([
    Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]), chunk("IHDR", head), chunk("PLTE", Buffer.from(colours.flat())),
    chunk("IDAT", deflateSync(Buffer.from(lines.flat()), { level: 9 })), chunk("IEND", Buffer.alloc(0)),
  ]);
}

const PICTURES = [
  ["hub", "/admin", async (page) => page.getByText("Last actions").first().waitFor()],
  ["requests", "/admin/requests?chart=latency", async (page) => {
    await page.locator(".chart").waitFor();
    await page.locator(".chart").evaluate((chart) => scrollTo(0, chart.getBoundingClientRect().top + scrollY - 180));
  }],
  ["data", "/admin/data/orders?id=3&tab=history", async (page) => {
    await page.getByTestId("doc-history").getByRole("button", { name: "What changed" }).first().click();
    await page.locator("ins").first().waitFor();
  }],
  ["licences", "/admin/licenses", async () => {}],
];

await fill();
mkdirSync(FOLDER, { recursive: true });
const browser = await launch();
const page = await (await browser.newContext({ viewport: { width: 1080, height: 640 }, colorScheme: "light" })).newPage();
page.setDefaultTimeout(60_000);
for (const [name, address, ready] of PICTURES) {
  // The counts of the charts are written some time after the requests.
  for (let drawn = false; !drawn;) {
    await page.goto(backend.url + address);
    await page.waitForSelector("main h1");
    await page.locator("[aria-busy=true]").first().waitFor({ state: "detached" });
    drawn = name !== "requests" || await page.locator(".chart").count() > 0;
  }
  await ready(page);
  const picture = await withPalette(page, await page.screenshot());
  assert.ok(picture.length <= BYTES_MAX, `${name} takes ${picture.length} bytes`);
  writeFileSync(`${FOLDER}${name}.png`, picture);
}
await browser.close();
await backend.end();
