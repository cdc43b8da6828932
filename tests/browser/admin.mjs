// The admin site in a real browser; ends with status 0 when everything holds. Without a key the
// service is open and empty but for what the test has stored; with a key it is closed.
//
// node admin.mjs BASE PACKAGES CHROMIUM [KEY]
//
// ISOBASE_BROWSER_PART=screens looks at the screens one by one, also over a service that does not
// answer; ISOBASE_BROWSER_PART=flows does what people do. Without it both.

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
import { uploads } from "./admin/uploads.mjs";

const part = process.env.ISOBASE_BROWSER_PART;
if (key) {
  await closedService();
  await people();
} else {
  if (part !== "flows") {
    await screens();
    await trouble();
  }
  if (part !== "screens") {
    await basics();
    await data();
    await requests();
    await live();
    await operations();
    await sql();
    await uploads();
  }
}
await browser.close();
