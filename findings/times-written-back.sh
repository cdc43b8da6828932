#!/usr/bin/env bash
# Times in PostgreSQL 18.6, read by a driver and written back as they came, by a program in the zone of Berlin; the server's is
# UTC. Seen, in December 2026, each without a word:
#
#   postgres.js 3.4.9      a timestamp without a zone is two hours earlier: it is read in the zone of the program and written in
#                          that of the server. 0001-01-01, which many programs store for "no date", becomes 2001
#   node-postgres 8.23.1   a timestamptz of before 1893 is 28 seconds later: the zone's offset was +00:53:28 then, and
#                          seconds of an offset are not written
#   asyncpg 0.32.0         0001-01-01 becomes -infinity, as the first that a Python datetime holds
#   psycopg 3.3.9, node-postgres
#                          an infinite interval becomes 00:00:00
#   psycopg, asyncpg, pg8000 1.31.6
#                          24 hours become 1 day, which is 23 or 25 hours where clocks change
lib=$(cd "$(dirname "$0")/lib" && pwd)
. "$lib/written_back.sh"

export TZ=Europe/Berlin
written_back > seen <<'VALUES'
timestamp	2026-07-01 12:00:00
timestamp	0001-01-01 10:00:00
timestamp	0001-01-01 00:00:00
date	0001-01-01
timestamptz	1890-01-01 00:00:00+00
timestamptz	1900-01-01 00:00:00+00
interval	infinity
interval	24:00:00
VALUES
cat seen

diff - seen <<'EXPECTED' && echo "as found"
timestamp 2026-07-01 12:00:00
    2026-07-01 10:00:00: postgres.js
timestamp 0001-01-01 10:00:00
    2001-01-01 09:00:00: postgres.js
timestamp 0001-01-01 00:00:00
    -infinity: asyncpg
    2000-12-31 23:00:00: postgres.js
date 0001-01-01
    -infinity: asyncpg
timestamptz 1890-01-01 00:00:00+00
    1890-01-01 00:00:28+00: node-postgres
timestamptz 1900-01-01 00:00:00+00
interval infinity
    00:00:00: psycopg, node-postgres
    refused: asyncpg, pg8000
interval 24:00:00
    1 day: psycopg, asyncpg, pg8000
EXPECTED
