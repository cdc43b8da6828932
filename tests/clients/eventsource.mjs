// The EventSource of two packages, each at every address: a line of JSON for each event.
//
// node eventsource.mjs PACKAGES ADDRESS…

import { pathToFileURL } from "node:url";

const [packages, ...addresses] = process.argv.slice(2);
for (const name of ["eventsource-4", "eventsource-5"]) {
  const { EventSource } = await import(pathToFileURL(`${packages}/${name}/dist/index.js`));
  addresses.forEach((address, at) => {
    const source = new EventSource(`${address}/api/events`);
    for (const type of ["connected", "note_created", "gap"]) {
      source.addEventListener(type, ({ data }) => console.log(JSON.stringify([`${name} ${at}`, type, JSON.parse(data)])));
    }
  });
}
// Ends with the one who reads.
process.stdin.resume().on("end", () => process.exit());
