// The admin site in a real browser; ends with status 0 when everything holds. Without a key the
// service is open and empty but for what the test has stored; with a key it is closed.
//
// node admin.mjs BASE PACKAGES CHROMIUM [KEY]
//
// With ISOBASE_BROWSER_FLOWS=1 the screens are not looked at one by one: only what people do.

import { basics } from "./admin/basics.mjs";
import { data } from "./admin/data.mjs";
import { live } from "./admin/live.mjs";
import { operations } from "./admin/operations.mjs";
import { people } from "./admin/people.mjs";
import { requests } from "./admin/requests.mjs";
import { closedService } from "./admin/roles.mjs";
import { screens } from "./admin/screens.mjs";
import { browser, key } from "./admin/site.mjs";
import { sql } from "./admin/sql.mjs";
import { trouble } from "./admin/trouble.mjs";

if (key) {
  await closedService();
  await people();
} else {
  if (!process.env.ISOBASE_BROWSER_FLOWS) await screens();
  await basics();
  await data();
  await requests();
  await live();
  await operations();
  await sql();
  if (!process.env.ISOBASE_BROWSER_FLOWS) await trouble();
}
await browser.close();
