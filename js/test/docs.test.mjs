// The examples of docs/js.md, from top to bottom: what they print is what stands behind each `// →`.

import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { test } from "node:test";
import { Backend, until } from "./support.mjs";

const page = readFileSync(new URL("../../docs/js.md", import.meta.url), "utf8");

const blocks = (language) => [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "gms"))].map(([, text]) => text);

test("the page does what it says", async () => {
  const [app] = blocks("toml");
  const backend = await Backend.start({ "isobase.toml": app });
  const code = blocks("js").join("\n");
  const promised = [...code.matchAll(/\/\/ → (.*)$/gm)].map(([, text]) => text);
  const said = [];
  const log = (...values) => void said.push(values.map(String).join(" "));
  const here = JSON.stringify(new URL("../isobase.js", import.meta.url).href);
  const source = code
    .replace("from 'isobase'", `from ${here}`)
    .replaceAll("http://127.0.0.1:8002", backend.url)
    .replaceAll("console.log", "globalThis.documented.log")
    .replaceAll("await until", "await globalThis.documented.until");
  globalThis.documented = { log, until: (holds) => until("an example", holds) };
  const file = new URL(`docs-${process.pid}.mjs`, pathToFileURL(`${backend.folder}/`));
  writeFileSync(fileURLToPath(file), source);
  try {
    await import(file);
  } finally {
    rmSync(fileURLToPath(file));
    await backend.end();
  }
  assert.ok(promised.length > 10);
  assert.deepEqual(said, promised);
});
