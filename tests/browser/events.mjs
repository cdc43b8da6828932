// The EventSource of a browser, at every address: a line of JSON for each event.
//
// node events.mjs PACKAGES CHROMIUM ADDRESS…

import { launch } from "./support.mjs";

const browser = await launch();
for (const [at, address] of process.argv.slice(4).entries()) {
  const page = await browser.newPage();
  await page.exposeFunction("tell", (type, data) => console.log(JSON.stringify([`chromium ${at}`, type, data])));
  await page.goto(address);
  await page.evaluate(() => {
    const source = new EventSource("/api/events");
    for (const type of ["connected", "note_created", "gap"]) {
      source.addEventListener(type, ({ data }) => tell(type, JSON.parse(data)));
    }
  });
}
// Ends with the one who reads.
process.stdin.resume().on("end", async () => {
  await browser.close();
  process.exit();
});
