#!/usr/bin/env bash
# Arrays in PostgreSQL 18.6, read by a driver and written back as they came. Seen, in December 2026:
#
#   postgres.js 3.4.9      a NULL in a text[] becomes the string "NULL", without a word; in an array of any other type of
#                          these, it is refused, and so is every bool[]
#   node-postgres 8.23.1   a numeric is read as a string, exact to its last digit, but the members of a numeric[] as
#                          numbers: digits are lost where nothing was lost before
#   an array whose first index is 0 begins at 1 afterwards with three of five, is one of two dimensions with postgres.js,
#                          and is refused by pg8000 1.31.6
#   an empty JSON array in a jsonb[] becomes {} with all but asyncpg 0.32.0
lib=$(cd "$(dirname "$0")/lib" && pwd)
. "$lib/written_back.sh"

written_back > seen <<'VALUES'
text[]	{a,NULL}
text[]	{"NULL"}
int4[]	{1,NULL}
bool[]	{t,f}
int4[]	[0:1]={1,2}
numeric	12345678901234567890.12
numeric[]	{12345678901234567890.12,1.10}
jsonb[]	{"[]"}
VALUES
cat seen

diff - seen <<'EXPECTED' && echo "as found"
text[] {a,NULL}
    {a,"NULL"}: postgres.js
text[] {"NULL"}
int4[] {1,NULL}
    refused: postgres.js
bool[] {t,f}
    refused: postgres.js
int4[] [0:1]={1,2}
    {1,2}: psycopg, asyncpg, node-postgres
    refused: pg8000
    {{1,2}}: postgres.js
numeric 12345678901234567890.12
numeric[] {12345678901234567890.12,1.10}
    {12345678901234567000,1.1}: node-postgres
jsonb[] {[]}
    {}: psycopg, pg8000, node-postgres, postgres.js
EXPECTED
