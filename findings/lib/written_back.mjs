// Reads each value with a driver of Node.js and writes what it got into the same table.
import { readFileSync } from "node:fs";
import pg from "pg";
import postgres from "postgres";

const server = { host: "127.0.0.1", port: Number(process.env.PGPORT), user: "postgres", database: "postgres" };
const count = readFileSync("values", "utf8").trimEnd().split("\n").length;
// Refused when it is read or when it is written: nothing is in the table.
const tried = (work) => work().catch(() => {});

const client = new pg.Client(server);
await client.connect();
const sql = postgres({ ...server, max: 1, onnotice() {} });
for (let i = 0; i < count; i++) {
  await tried(async () => {
    const { v } = (await client.query(`SELECT v FROM t${i} WHERE who = 'stored'`)).rows[0];
    await client.query(`INSERT INTO t${i} VALUES ('node-postgres', $1)`, [v]);
  });
  await tried(async () => {
    const table = sql(`t${i}`);
    const [{ v }] = await sql`SELECT v FROM ${table} WHERE who = 'stored'`;
    await sql`INSERT INTO ${table} VALUES ('postgres.js', ${v})`;
  });
}
await client.end();
await sql.end();
