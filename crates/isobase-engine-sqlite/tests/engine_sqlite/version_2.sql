-- A file as commit 5cfd7e1 wrote it, the last of version 2.
PRAGMA application_id = 1232301922;
PRAGMA user_version = 2;
CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO counters (name, value) VALUES ('sequence', 0), ('last_id', 0), ('changes_floor', 0);

CREATE TABLE collections (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    documents INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE records (
    key INTEGER PRIMARY KEY, -- collection * 2^40 + id
    revision INTEGER NOT NULL,
    created_at INTEGER NOT NULL, -- microseconds since 1970, UTC
    updated_at INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE indexes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    collection INTEGER NOT NULL,
    definition TEXT NOT NULL,
    ready INTEGER NOT NULL DEFAULT 0,
    UNIQUE (collection, definition)
) STRICT;

CREATE TABLE index_entries (
    index_id INTEGER NOT NULL,
    key BLOB NOT NULL,
    id ANY NOT NULL, -- of the document
    PRIMARY KEY (index_id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE changes (
    sequence INTEGER PRIMARY KEY,
    collection INTEGER NOT NULL,
    id ANY, -- none: the whole collection
    kind INTEGER NOT NULL, -- 1 created, 2 updated, 3 deleted, 4 collection deleted
    at INTEGER NOT NULL
) STRICT;

CREATE TABLE idempotency (
    number INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    fingerprint BLOB NOT NULL,
    outcomes TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;

CREATE TABLE named_records (
    collection INTEGER NOT NULL,
    id ANY NOT NULL,
    revision INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (collection, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE unfinished (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    note TEXT NOT NULL
) STRICT;

CREATE VIEW documents (collection, id, revision, created_at, updated_at, body) AS
    SELECT c.name, r.key & 0xFFFFFFFFFF, r.revision,
           strftime('%Y-%m-%d %H:%M:%f', r.created_at / 1e6, 'unixepoch'),
           strftime('%Y-%m-%d %H:%M:%f', r.updated_at / 1e6, 'unixepoch'), r.body
    FROM records r JOIN collections c ON c.id = r.key >> 40
    UNION ALL
    SELECT c.name, n.id, n.revision,
           strftime('%Y-%m-%d %H:%M:%f', n.created_at / 1e6, 'unixepoch'),
           strftime('%Y-%m-%d %H:%M:%f', n.updated_at / 1e6, 'unixepoch'), n.body
    FROM named_records n JOIN collections c ON c.id = n.collection;

INSERT INTO collections (id, name, documents) VALUES (1, 'notes', 3), (2, 'empty', 0);
INSERT INTO records (key, revision, created_at, updated_at, body) VALUES
    (1099511627777, 1, 1796059034358875, 1796059034358875, '{"n":7,"t":"b"}'),
    (1099511627778, 4, 1796059034358875, 1796059034358900, '{"n":1.50,"t":"a"}');
INSERT INTO named_records (collection, id, revision, created_at, updated_at, body) VALUES
    (1, 'x', 3, 1796059034358880, 1796059034358880, '{"t":"c"}');
INSERT INTO indexes (id, collection, definition, ready) VALUES (1, 1, 'n', 1);
INSERT INTO index_entries (index_id, key, id) VALUES
    (1, X'30bff80000000000008000010000000000000002', 2),
    (1, X'30c01c0000000000008000010000000000000001', 1),
    (1, X'10027800', 'x');
INSERT INTO changes (sequence, collection, id, kind, at) VALUES
    (1, 1, 1, 1, 1796059034358875), (2, 1, 2, 1, 1796059034358875),
    (3, 1, 'x', 1, 1796059034358880), (4, 1, 2, 2, 1796059034358900),
    (5, 2, NULL, 4, 1796059034358910);
INSERT INTO idempotency (number, key, fingerprint, outcomes, at) VALUES
    (1, zeroblob(32), zeroblob(32),
     '[{"written":{"id":2,"kind":1,"revision":"2","created_at":1796059034358875,"updated_at":1796059034358875}}]',
     1796059034358875);
UPDATE counters SET value = 5 WHERE name = 'sequence';
UPDATE counters SET value = 2 WHERE name = 'last_id';
