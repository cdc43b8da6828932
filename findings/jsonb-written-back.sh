#!/usr/bin/env bash
# A column of jsonb, read by a driver and written back as it came, as any program does that copies rows. Seen, in December
# 2026, with PostgreSQL 18.6:
#
#   psycopg 3.3.9, pg8000 1.31.6, node-postgres 8.23.1
#       [] is stored as {}: the driver writes a list as an array of PostgreSQL, and an empty one, {}, is valid JSON. [1, 2] is
#       refused, so a test with a list that has something in it does not find this. The string "1" becomes the number 1,
#       and the string "null" becomes null
#   postgres.js 3.4.9, asyncpg 0.32.0
#       write both as they were, postgres.js because it asks the server for the type first, asyncpg because it reads text
#   all but asyncpg
#       null of JSON becomes NULL of SQL
#   node-postgres, postgres.js
#       1.0 becomes 1, and an integer above 2^53 another one
#
# None reports anything. psycopg refuses an object, which its users wrap in Jsonb(...), and writes an empty list unwrapped.
lib=$(cd "$(dirname "$0")/lib" && pwd)
. "$lib/written_back.sh"

written_back > seen <<'VALUES'
jsonb	[]
jsonb	[1, 2]
jsonb	"1"
jsonb	"null"
jsonb	null
jsonb	{"n": 1.0}
jsonb	{"n": 9007199254740993}
json	[]
VALUES
cat seen

diff - seen <<'EXPECTED' && echo "as found"
jsonb []
    {}: psycopg, pg8000, node-postgres
jsonb [1, 2]
    refused: psycopg, pg8000, node-postgres
jsonb "1"
    1: psycopg, pg8000, node-postgres
jsonb "null"
    null: psycopg, pg8000, node-postgres
jsonb null
    NULL of SQL: psycopg, pg8000, node-postgres, postgres.js
jsonb {"n": 1.0}
    refused: psycopg
    {"n": 1}: node-postgres, postgres.js
jsonb {"n": 9007199254740993}
    refused: psycopg
    {"n": 9007199254740992}: node-postgres, postgres.js
json []
    {}: psycopg, pg8000, node-postgres
EXPECTED
