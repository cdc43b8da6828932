//! The tables of the file.

use isobase_engine::Identity;
use isobase_sqlite::rusqlite::{self, Connection, OptionalExtension, Transaction, params};

/// Version of the tables, kept as `user_version`.
pub(crate) const VERSION: i32 = 3;

/// Documents with integer ids are keyed by collection and id in one number, so that a read is
/// one descent, a collection lies together and a listing walks its leaves. Other documents (ids
/// that are strings, or integers that others chose beyond those we assign) have a table of their
/// own, in the order of their ids: an integer of any size comes before every string there.
///
/// `counters` and `collections.documents` are written once per commit. Two counters count nothing:
/// `database` and `epoch` say which database the file is ([`Identity`]). `documents` is for people
/// and other programs.
const TABLES: &str = "
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
";

const NAMED_RECORDS: &str = "
CREATE TABLE named_records (
    collection INTEGER NOT NULL,
    id ANY NOT NULL,
    revision INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (collection, id)
) STRICT, WITHOUT ROWID;
";

/// Has a row while a load is unfinished.
const UNFINISHED: &str = "
CREATE TABLE unfinished (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    note TEXT NOT NULL
) STRICT;
";

/// The names of our tables and of the view.
const NAMES: [&str; 11] = [
    "counters",
    "collections",
    "records",
    "named_records",
    "indexes",
    "index_entries",
    "changes",
    "change_bodies",
    "idempotency",
    "unfinished",
    "documents",
];

/// Tables and views that another program made in the file.
pub(crate) fn other_tables(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let text = "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') \
                AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";
    let mut statement = connection.prepare(text)?;
    let names = statement.query_map([], |row| row.get::<_, String>(0))?;
    names.filter(|name| !name.as_ref().is_ok_and(|it| NAMES.contains(&&**it))).collect()
}

/// A condition on the collection becomes a range of keys. DuckDB reads the text of a view as its own
/// SQL, so nothing stands here that only SQLite understands: no hexadecimal number, no `strftime`.
const DOCUMENTS: &str = "
CREATE VIEW documents (collection, id, revision, created_at, updated_at, document) AS
    SELECT c.name, CAST(r.key & 1099511627775 AS TEXT), r.revision,
           r.created_at, r.updated_at, r.body
    FROM collections c JOIN records r
    ON r.key >= c.id * 1099511627776 AND r.key < (c.id + 1) * 1099511627776
    UNION ALL
    SELECT c.name, CAST(n.id AS TEXT), n.revision, n.created_at, n.updated_at, n.body
    FROM collections c JOIN named_records n ON n.collection = c.id;
";

/// Makes room for the wider ids of version 2.
const FROM_1_BEFORE: &str = "
DROP VIEW documents;
ALTER TABLE named_records RENAME TO named_records_1;
";

const FROM_1_AFTER: &str = "
INSERT INTO named_records SELECT * FROM named_records_1 ORDER BY collection, id;
DROP TABLE named_records_1;
";

/// The parts that changes keep of their documents; an empty text was omitted, or lies apart where it is a
/// body.
const KEPT: &str = "
ALTER TABLE changes ADD COLUMN former TEXT;
ALTER TABLE changes ADD COLUMN body TEXT;
CREATE TABLE change_bodies (
    sequence INTEGER PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;
";

/// Creates the tables in a new file, or brings those of an older one up to date.
pub(crate) fn prepare(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let found = isobase_sqlite::schema_version(transaction)?;
    let steps: &[&str] = match found {
        0 => &[TABLES, NAMED_RECORDS, UNFINISHED, DOCUMENTS],
        1 => &[FROM_1_BEFORE, NAMED_RECORDS, FROM_1_AFTER, UNFINISHED, DOCUMENTS],
        _ => &[],
    };
    steps.iter().try_for_each(|step| transaction.execute_batch(step))?;
    if found < 3 {
        transaction.execute_batch(KEPT)?;
        let Identity { database, epoch } = Identity::new();
        transaction.execute(
            "INSERT INTO counters (name, value) VALUES ('database', ?1), ('epoch', ?2)",
            params![database, epoch],
        )?;
    }
    refresh_view(transaction)
}

/// Makes the view anew where an earlier build has made it: it holds no data, so that its form is no
/// part of the version.
fn refresh_view(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let text = "SELECT sql FROM sqlite_schema WHERE type = 'view' AND name = 'documents'";
    let made: Option<String> = transaction.query_row(text, [], |row| row.get(0)).optional()?;
    if made.as_deref() == Some(DOCUMENTS.trim().trim_end_matches(';')) {
        return Ok(());
    }
    transaction.execute_batch("DROP VIEW IF EXISTS documents")?;
    transaction.execute_batch(DOCUMENTS)
}
