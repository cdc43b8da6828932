#!/usr/bin/env bash
# The number 42, and the integer 9007199254740993 (2^53 + 1), written to and read from SQLite by four drivers for JavaScript.
# Seen, in December 2026:
#
#   better-sqlite3 12.11.1, @libsql/client 0.18.0
#       bind every number as a REAL. So 42 is stored as the text 42.0 in a TEXT column, as 42.0 in one without a type, as
#       {"n":42.0} by json_object, and a TEXT id 42, which another program wrote, is not found by the number
#   sql.js 1.17.0, node-sqlite3-wasm 0.8.60
#       bind it as an INTEGER: 42 everywhere, and found
#   2^53 + 1 is 9007199254740992 to better-sqlite3 and sql.js, without a word; @libsql/client refuses the row; to
#       node-sqlite3-wasm it is a BigInt, and exact
lib=$(cd "$(dirname "$0")/lib" && pwd)
. "$lib/start.sh"

install_node better-sqlite3@12.11.1 @libsql/client@0.18.0 sql.js@1.17.0 node-sqlite3-wasm@0.8.60

cat > made.py <<'PYTHON'
import sqlite3
import sys

for path in sys.argv[1:]:
    with sqlite3.connect(path) as file:
        file.execute("CREATE TABLE items (id TEXT, untyped, counted INTEGER)")
        file.execute("INSERT INTO items VALUES ('42', NULL, 9007199254740993)")
PYTHON
cat > write.mjs <<'JAVASCRIPT'
import { readFileSync, writeFileSync } from "node:fs";
import { createClient } from "@libsql/client";
import Database from "better-sqlite3";
import wasm from "node-sqlite3-wasm";
import initSqlJs from "sql.js";

const SQL = await initSqlJs();
// Each runs a statement on its file, and gives the first value of the first row.
const drivers = {
  "better-sqlite3": (file) => {
    const db = new Database(file);
    const run = (sql, values) => {
      const statement = db.prepare(sql);
      return statement.reader ? statement.raw().get(...values)?.[0] : statement.run(...values) && undefined;
    };
    return [run, () => db.close()];
  },
  "@libsql/client": (file) => {
    const db = createClient({ url: `file:${file}` });
    return [async (sql, args) => (await db.execute({ sql, args })).rows[0]?.[0], () => db.close()];
  },
  "sql.js": (file) => {
    const db = new SQL.Database(readFileSync(file));
    return [(sql, values) => db.exec(sql, values)[0]?.values[0][0], () => writeFileSync(file, db.export())];
  },
  "node-sqlite3-wasm": (file) => {
    const db = new wasm.Database(file);
    return [(sql, values) => Object.values(db.get(sql, values) ?? {})[0], () => db.close()];
  },
};
const files = process.argv.slice(2);
for (const [name, open] of Object.entries(drivers)) {
  const [run, close] = open(files.shift());
  const found = await run("SELECT count(*) FROM items WHERE id = ?", [42]);
  let large;
  try {
    large = await run("SELECT counted FROM items", []);
  } catch {
    large = "refused";
  }
  await run("INSERT INTO items VALUES (?, ?, json_object('n', ?))", [42, 42, 42]);
  await close();
  console.log(`${name}: found ${found}, 2^53 + 1 is ${typeof large} ${large}`);
}
JAVASCRIPT
cat > read.py <<'PYTHON'
import sqlite3
import sys

for path in sys.argv[1:]:
    with sqlite3.connect(path) as file:
        print(path, file.execute("SELECT id, untyped, counted FROM items WHERE rowid = 2").fetchone())
PYTHON
files=(better-sqlite3.db libsql.db sql.js.db wasm.db)
python/bin/python made.py "${files[@]}"
{ node write.mjs "${files[@]}"; python/bin/python read.py "${files[@]}"; } | tee seen

diff - seen <<'EXPECTED' && echo "as found"
better-sqlite3: found 0, 2^53 + 1 is number 9007199254740992
@libsql/client: found 0, 2^53 + 1 is string refused
sql.js: found 1, 2^53 + 1 is number 9007199254740992
node-sqlite3-wasm: found 1, 2^53 + 1 is bigint 9007199254740993
better-sqlite3.db ('42.0', 42.0, '{"n":42.0}')
libsql.db ('42.0', 42.0, '{"n":42.0}')
sql.js.db ('42', 42, '{"n":42}')
wasm.db ('42', 42, '{"n":42}')
EXPECTED
