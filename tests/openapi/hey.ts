// The record routes by the client that @hey-api/openapi-ts made, without an assertion of a type.

import { client } from "./hey/client.gen";
import {
  createRecord,
  getRecord,
  listRecords,
  loadRecords,
  patchRecord,
  writeBatch,
} from "./hey/sdk.gen";

declare const process: { argv: string[]; exit(code: number): never };

client.setConfig({ baseUrl: process.argv[2] });
const path = { collection: "invoices" };

function check(met: boolean, what: string): asserts met {
  if (!met) throw new Error(`@hey-api/openapi-ts: ${what}`);
}

async function run() {
  const created = await createRecord({ path, body: { status: "open", total: 12 } });
  check(created.data !== undefined, "create");
  const { id } = created.data;

  const lines = new Blob(['{"status":"open","total":20}\n{"status":"paid"}\n']);
  const loaded = await loadRecords({ path, body: lines, bodySerializer: null });
  check(loaded.data?.created === 2, "load");

  let cursor: string | undefined;
  const totals: unknown[] = [];
  do {
    const page = await listRecords({
      path,
      query: { limit: 1, sort: "-total", cursor, filter: { status: "open", "total[gte]": 12 } },
    });
    check(page.data !== undefined, "list");
    totals.push(...page.data.items.map((invoice) => invoice.total));
    cursor = page.data.next ?? undefined;
  } while (cursor !== undefined);
  check(totals.join() === "20,12", `filter and pages: ${totals}`);

  const patched = await patchRecord({ path: { ...path, id }, body: { status: "paid" } });
  check(patched.data?.status === "paid", "patch");

  const batch = await writeBatch({
    path,
    body: {
      atomic: true,
      operations: [
        { method: "create", body: { status: "new" } },
        { method: "patch", id, update: { increment: { total: 1 } } },
      ],
    },
  });
  check(batch.data?.committed === true && batch.data.results[0].kind === "created", "batch");

  const missing = await getRecord({ path: { ...path, id: 999 } });
  check(missing.error?.code === "record_not_found", "a problem");
}

run().catch((error) => {
  console.error(error);
  process.exit(1);
});
