// A browser of the tests: node SCRIPT PACKAGES CHROMIUM.

import { createRequire } from "node:module";

/** Starts the browser that the arguments name. */
export async function launch() {
  const [packages, program] = process.argv.slice(2);
  const require = createRequire(`${packages}/`);
  const { chromium } = require("playwright-core");
  return chromium.launch({
    executablePath: program,
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ],
  });
}
