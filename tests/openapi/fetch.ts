// The record routes by a client whose types openapi-typescript made. No type is asserted here: the
// compiler must know what each call takes and answers.

import createClient from "openapi-fetch";
import type { components, paths } from "./schema";

declare const process: { argv: string[]; exit(code: number): never };

const client = createClient<paths>({
  baseUrl: process.argv[2],
  // Conditions on fields are parameters by their own names, as the description says.
  querySerializer: { object: { style: "form", explode: true } },
});
const path = { collection: "orders" };

function check(met: boolean, what: string): asserts met {
  if (!met) throw new Error(`openapi-fetch: ${what}`);
}

async function run() {
  const created = await client.POST("/records/{collection}", {
    params: { path },
    body: { status: "open", total: 12 },
  });
  check(created.data !== undefined, "create");
  const { id } = created.data;

  const loaded = await client.POST("/collections/{collection}/load", {
    params: { path },
    body: '{"status":"open","total":20}\n{"status":"paid","total":30}\n[]\n',
    bodySerializer: (lines) => lines,
    headers: { "Content-Type": "application/x-ndjson" },
  });
  check(loaded.data?.created === 2 && loaded.data.errors[0].code === "not_an_object", "load");

  let cursor: string | undefined;
  const totals: unknown[] = [];
  do {
    const page = await client.GET("/records/{collection}", {
      params: { path, query: { limit: 1, sort: "-total", cursor, filter: { status: "open", "total[gte]": 12 } } },
    });
    check(page.data !== undefined, "list");
    totals.push(...page.data.items.map((order) => order.total));
    cursor = page.data.next ?? undefined;
  } while (cursor !== undefined);
  check(totals.join() === "20,12", `filter and pages: ${totals}`);

  const numbered = await client.GET("/records/{collection}", {
    params: { path, query: { limit: 2, page: 2 } },
  });
  check(numbered.data?.total === 3 && numbered.data.pages === 2, "numbered page");

  const patched = await client.PATCH("/records/{collection}/{id}", {
    params: { path: { ...path, id } },
    body: { status: "paid" },
  });
  check(patched.data?.status === "paid" && patched.data.total === 12, "patch");

  const operations: components["schemas"]["BatchOperation"][] = [
    { method: "create", body: { status: "new" } },
    { method: "put", id: "a", body: {}, upsert: true },
    { method: "patch", id, patch: [{ op: "replace", path: "/status", value: "sent" }] },
    { method: "patch", id, update: { increment: { total: 1 } } },
    { method: "delete", id: "none" },
  ];
  const batch = await client.POST("/records/{collection}/batch", { params: { path }, body: { operations } });
  check(batch.data !== undefined, "batch");
  const failure = batch.data.results[4].error;
  check(failure?.code === "record_not_found", "a refused operation");

  const missing = await client.GET("/records/{collection}/{id}", { params: { path: { ...path, id: 999 } } });
  check(missing.error?.code === "record_not_found", "a problem");

  // The compiler knows which members belong to an operation.
  // @ts-expect-error A creation has no id.
  const wrong: components["schemas"]["BatchOperation"] = { method: "create", id: 1, body: {} };
  void wrong;
}

run().catch((error) => {
  console.error(error);
  process.exit(1);
});
