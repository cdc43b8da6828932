//! The tables, and how they come into being.

use isobase_engine::{EngineError, ErrorKind, Identity};
use isobase_postgres::{Config, Connection, Error, Row, Sql, Type};

use crate::{codec::column, error::engine_error};

/// The version of the tables that this program writes.
const VERSION: i32 = 3;
/// Debian 11's; older ones get no fixes any more (November 2026).
const SERVER_VERSION_MIN: i32 = 130_000;
/// SQLSTATE. Source: PostgreSQL documentation, appendix A (version 15).
const INSUFFICIENT_PRIVILEGE: &str = "42501";
/// Two programs that start at the same moment must not both create the tables.
const INSTALL_LOCK: i64 = 0x15_0b_a5_e0_00_00_00_01;

/// The server's facts about itself.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// Why an acknowledged write could be lost; `None` when it cannot.
    pub(crate) relaxed_durability: Option<String>,
}

/// The quoted name of the schema, for use in SQL.
pub(crate) fn quoted(schema: &str) -> String {
    format!("\"{}\"", schema.replace('"', "\"\""))
}

/// Checks the server and creates the tables when there are none.
pub(crate) async fn prepare(
    connection: &Connection,
    config: &Config,
) -> Result<Server, EngineError> {
    let server = check_server(connection).await?;
    if !is_installed(connection, config).await? {
        install(connection, config).await?;
    }
    if version(connection, config).await? < VERSION {
        upgrade(connection, config).await?;
    }
    check_version(connection, config).await?;
    Ok(server)
}

/// A schema that was to be read has no tables of ours: nothing was ever written there.
#[derive(Clone, Copy, Debug)]
pub struct NoTables;

impl std::fmt::Display for NoTables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("nothing was ever written there")
    }
}

impl std::error::Error for NoTables {}

/// Checks the server and the tables, and changes nothing.
pub(crate) async fn check(connection: &Connection, config: &Config) -> Result<Server, EngineError> {
    let server = check_server(connection).await?;
    let schema = config.schema();
    if !is_installed(connection, config).await? {
        let message = format!("the schema '{schema}' has no tables of Isobase");
        return Err(EngineError::with_source(ErrorKind::InvalidArgument, message, NoTables));
    }
    let found = version(connection, config).await?;
    if found < VERSION {
        let message = format!(
            "the schema '{schema}' has version {found}, which this program brings to version \
             {VERSION} when it opens it to write: let isobase serve open it once"
        );
        return Err(EngineError::new(ErrorKind::Unsupported, message));
    }
    check_version(connection, config).await?;
    Ok(server)
}

async fn check_server(connection: &Connection) -> Result<Server, EngineError> {
    let sql = Sql::new(
        "SELECT current_setting('server_version_num')::int4, current_setting('server_encoding'), \
         current_setting('synchronous_commit'), current_setting('fsync')",
        &[],
    );
    let rows = connection.query(&sql, &[]).await.map_err(engine_error)?;
    let row = rows.first().ok_or_else(|| missing("the settings of the server"))?;
    let read = || -> Result<(i32, &str, &str, &str), Error> {
        Ok((column(row, 0)?, column(row, 1)?, column(row, 2)?, column(row, 3)?))
    };
    let (version, encoding, synchronous_commit, fsync) = read().map_err(engine_error)?;
    if version < SERVER_VERSION_MIN {
        let major = version / 10_000;
        let message = format!("PostgreSQL {major} is too old, at least 13 is needed");
        return Err(EngineError::new(ErrorKind::Unsupported, message));
    }
    if encoding != "UTF8" {
        let message = format!(
            "the database has the encoding {encoding}, UTF8 is needed; create another with \
             CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        );
        return Err(EngineError::new(ErrorKind::Unsupported, message));
    }
    let relaxed_durability = match (synchronous_commit, fsync) {
        (_, "off") => Some("fsync is off: a power cut can damage the database".to_owned()),
        ("off", _) => {
            Some("synchronous_commit is off: a crash can lose acknowledged writes".to_owned())
        }
        _ => None,
    };
    Ok(Server { relaxed_durability })
}

/// The tables of a schema under our names.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    Ours,
    /// A relation that we did not make.
    Foreign(String),
}

/// The names that our tables, their indexes and the view take.
pub(crate) const NAMES: [&str; 11] = [
    "meta",
    "clock",
    "collections",
    "records",
    "indexes",
    "index_entries",
    "changes",
    "idempotency",
    "idempotency_at",
    "documents",
    "unfinished",
];

/// The marks of our tables, in every version: tables with at least these columns.
const KNOWN_BY: [(&str, &[&str]); 4] = [
    ("meta", &["version"]),
    ("clock", &["only", "sequence", "next_id", "changes_floor"]),
    ("collections", &["id", "name", "documents"]),
    ("records", &["collection", "id", "revision", "created_at", "updated_at", "body"]),
];

/// Asks the tables of PostgreSQL, not `to_regclass`: that one remembers within a transaction
/// what was not there at its beginning.
async fn find(connection: &Connection, config: &Config) -> Result<Found, EngineError> {
    let names = NAMES.map(|name| format!("'{name}'")).join(",");
    let text = format!(
        "SELECT c.relname::text, c.relkind::text, \
         coalesce(string_agg(a.attname::text, ',' ORDER BY a.attnum), '') \
         FROM pg_catalog.pg_class AS c \
         JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
         LEFT JOIN pg_catalog.pg_attribute AS a \
         ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
         WHERE n.nspname = $1 AND c.relname IN ({names}) GROUP BY c.oid, c.relname, c.relkind"
    );
    let rows = connection.query(&Sql::new(text, &[Type::TEXT]), &[&config.schema()]).await;
    let rows = rows.map_err(engine_error)?;
    let read = |row: &Row| -> Result<Relation, Error> {
        let (name, kind, columns): (&str, &str, &str) =
            (column(row, 0)?, column(row, 1)?, column(row, 2)?);
        let columns = columns.split(',').map(str::to_owned).collect();
        Ok(Relation { name: name.to_owned(), is_table: kind == "r", columns })
    };
    let relations: Result<Vec<_>, _> = rows.iter().map(read).collect();
    Ok(judge(&relations.map_err(engine_error)?))
}

/// A relation with a name of ours.
struct Relation {
    name: String,
    is_table: bool,
    columns: Vec<String>,
}

impl Relation {
    fn has(&self, columns: &[&str]) -> bool {
        self.is_table && columns.iter().all(|name| self.columns.iter().any(|it| it == name))
    }
}

/// A name alone makes no table ours: other programs have a `meta`, too.
fn judge(relations: &[Relation]) -> Found {
    let Some(first) = relations.first() else { return Found::Nothing };
    let named = |name: &str| relations.iter().find(|relation| relation.name == name);
    let other = KNOWN_BY.iter().find_map(|(name, columns)| match named(name) {
        Some(relation) if !relation.has(columns) => Some(relation),
        _ => None,
    });
    if let Some(relation) = other {
        return Found::Foreign(relation.name.clone());
    }
    let is_whole = KNOWN_BY.iter().all(|(name, _)| named(name).is_some());
    if is_whole { Found::Ours } else { Found::Foreign(first.name.clone()) }
}

async fn is_installed(connection: &Connection, config: &Config) -> Result<bool, EngineError> {
    match find(connection, config).await? {
        Found::Nothing => Ok(false),
        Found::Ours => Ok(true),
        Found::Foreign(name) => {
            let schema = config.schema();
            let message = format!(
                "the schema '{schema}' belongs to another program: its '{name}' is not ours, and \
                 nothing was changed; name another schema, as in ?schema=isobase"
            );
            Err(EngineError::new(ErrorKind::InvalidArgument, message))
        }
    }
}

async fn exists(connection: &Connection, text: &str, name: &str) -> Result<bool, EngineError> {
    let sql = Sql::new(text, &[Type::TEXT]);
    let rows = connection.query(&sql, &[&name]).await.map_err(engine_error)?;
    let row = rows.first().ok_or_else(|| missing("the answer about the tables"))?;
    column(row, 0).map_err(engine_error)
}

/// Brings the tables of an older program up to date.
async fn upgrade(connection: &Connection, config: &Config) -> Result<(), EngineError> {
    connection.batch(&begin_locked()).await.map_err(engine_error)?;
    // Another program may have done it while this one waited for the lock.
    let steps = match version(connection, config).await? {
        1 => [UNFINISHED, IDENTITY, KEPT].concat(),
        2 => [IDENTITY, KEPT].concat(),
        _ => String::new(),
    };
    if !steps.is_empty() {
        let tables = format!("{steps} UPDATE {{schema}}.meta SET version = {VERSION};");
        connection.batch(&filled(&tables, config)).await.map_err(engine_error)?;
    }
    connection.commit().await.map_err(engine_error)
}

/// Begins a transaction that no other program which changes the tables shares its time with.
fn begin_locked() -> String {
    format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; \
         SET LOCAL lock_timeout = '30s'; SELECT pg_advisory_xact_lock({INSTALL_LOCK})"
    )
}

async fn install(connection: &Connection, config: &Config) -> Result<(), EngineError> {
    let schema = quoted(config.schema());
    connection.batch(&begin_locked()).await.map_err(engine_error)?;
    if !is_installed(connection, config).await? {
        // A caller that has the schema may lack the right to create one, which PostgreSQL checks first.
        let text = "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1)";
        if !exists(connection, text, config.schema()).await? {
            let create = format!("CREATE SCHEMA {schema}");
            let created = connection.batch(&create).await;
            created.map_err(|error| match error.code.as_deref() {
                Some(INSUFFICIENT_PRIVILEGE) => may_not_create(config),
                _ => engine_error(error),
            })?;
        }
        let tables = [TABLES, UNFINISHED, IDENTITY, KEPT].concat();
        connection.batch(&filled(&tables, config)).await.map_err(engine_error)?;
    }
    connection.commit().await.map_err(engine_error)
}

fn may_not_create(config: &Config) -> EngineError {
    let schema = quoted(config.schema());
    let message = format!(
        "there is no schema {schema}, and this user may not make one; let somebody who may run \
         CREATE SCHEMA {schema} AUTHORIZATION this user, or name one of this user's with ?schema=NAME"
    );
    EngineError::new(ErrorKind::Unexpected, message)
}

/// The text of tables with what is for this schema only.
fn filled(tables: &str, config: &Config) -> String {
    let Identity { database, epoch } = Identity::new();
    tables
        .replace("{schema}", &quoted(config.schema()))
        .replace("{version}", &VERSION.to_string())
        .replace("{database}", &database.to_string())
        .replace("{epoch}", &epoch.to_string())
}

async fn version(connection: &Connection, config: &Config) -> Result<i32, EngineError> {
    let schema = quoted(config.schema());
    let sql = Sql::new(format!("SELECT version FROM {schema}.meta"), &[]);
    let rows = connection.query(&sql, &[]).await.map_err(engine_error)?;
    let row = rows.first().ok_or_else(|| missing("the version of the tables"))?;
    column(row, 0).map_err(engine_error)
}

async fn check_version(connection: &Connection, config: &Config) -> Result<(), EngineError> {
    let version = version(connection, config).await?;
    if version != VERSION {
        let message = format!(
            "the schema '{}' has version {version}, this program knows version {VERSION}; \
             use a newer program",
            config.schema()
        );
        return Err(EngineError::new(ErrorKind::Unsupported, message));
    }
    Ok(())
}

fn missing(what: &str) -> EngineError {
    EngineError::new(ErrorKind::Corrupted, format!("{what} is missing"))
}

/// Every row of `clock` and `collections` is written often and by one key: room in the page keeps
/// such an update from touching the index. `records.id` and `index_entries.key` sort by bytes.
/// Nothing refers by a foreign key: only one writer at a time changes these tables, and it keeps
/// them consistent by itself.
const TABLES: &str = r#"
CREATE TABLE {schema}.meta (version int4 NOT NULL);
INSERT INTO {schema}.meta VALUES ({version});

CREATE TABLE {schema}.clock (
    "only" bool PRIMARY KEY DEFAULT true CHECK ("only"),
    sequence int8 NOT NULL,
    next_id int8 NOT NULL,
    changes_floor int8 NOT NULL,
    catalogue_version int8 NOT NULL
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
INSERT INTO {schema}.clock VALUES (true, 0, 1, 0, 0);
COMMENT ON TABLE {schema}.clock IS
    'Locked first by every write, so that sequences follow the order of commits.';

CREATE TABLE {schema}.collections (
    id int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE,
    documents int8 NOT NULL
) WITH (fillfactor = 20);

CREATE TABLE {schema}.records (
    collection int4 NOT NULL,
    id bytea NOT NULL,
    revision int8 NOT NULL,
    created_at int8 NOT NULL,
    updated_at int8 NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (collection, id)
) WITH (fillfactor = 90);
COMMENT ON TABLE {schema}.records IS
    'Times in microseconds since 1970. For reading use the view "documents".';

CREATE TABLE {schema}.indexes (
    id int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    collection int4 NOT NULL,
    definition text NOT NULL,
    state int2 NOT NULL,
    dropped_at timestamptz
);
COMMENT ON COLUMN {schema}.indexes.state IS
    '0 building, 1 ready, 2 dropped and still kept up to date, 3 being emptied';

CREATE TABLE {schema}.index_entries (
    "index" int4 NOT NULL,
    key bytea NOT NULL,
    collection int4 NOT NULL,
    id bytea NOT NULL,
    PRIMARY KEY ("index", key)
);

CREATE TABLE {schema}.changes (
    sequence int8 PRIMARY KEY,
    collection int4 NOT NULL,
    id bytea,
    kind int2 NOT NULL,
    revision int8,
    at int8 NOT NULL
);
COMMENT ON COLUMN {schema}.changes.kind IS
    '1 created, 2 updated, 3 deleted, 4 collection deleted';

CREATE TABLE {schema}.idempotency (
    key bytea PRIMARY KEY,
    fingerprint bytea NOT NULL,
    outcomes text NOT NULL,
    at int8 NOT NULL
);
CREATE INDEX idempotency_at ON {schema}.idempotency (at);

CREATE VIEW {schema}.documents AS
SELECT c.name AS collection,
    CASE get_byte(r.id, 0)
        WHEN 1 THEN (('x' || encode(substring(r.id FROM 2), 'hex'))::bit(64)::int8
            # (1::int8 << 63))::text
        ELSE convert_from(substring(r.id FROM 2), 'UTF8')
    END AS id,
    r.revision,
    timestamptz 'epoch' + r.created_at * interval '1 microsecond' AS created_at,
    timestamptz 'epoch' + r.updated_at * interval '1 microsecond' AS updated_at,
    r.body::json AS document
FROM {schema}.records r JOIN {schema}.collections c ON c.id = r.collection;
COMMENT ON VIEW {schema}.documents IS
    'All documents, for people and other programs. Write through Isobase only.';
"#;

/// Has a row while a load is unfinished.
const UNFINISHED: &str = r#"
CREATE TABLE {schema}.unfinished (
    "only" bool PRIMARY KEY DEFAULT true CHECK ("only"),
    note text NOT NULL
);
"#;

/// The parts that changes keep of their documents; an empty text was omitted. The server keeps long ones
/// apart by itself.
const KEPT: &str = r#"
ALTER TABLE {schema}.changes ADD COLUMN former text, ADD COLUMN body text;
"#;

/// Which database it is. In the row that every page of the change feed comes with.
const IDENTITY: &str = r#"
ALTER TABLE {schema}.clock ADD COLUMN database int8 NOT NULL DEFAULT {database},
    ADD COLUMN epoch int8 NOT NULL DEFAULT {epoch};
"#;

#[cfg(test)]
mod tests {
    use super::*;

    fn relation(name: &str, columns: &str) -> Relation {
        let columns = columns.split(' ').map(str::to_owned).collect();
        Relation { name: name.to_owned(), is_table: true, columns }
    }

    #[test]
    fn tables_are_ours_by_their_columns() {
        let ours = || {
            let table = |(name, columns): &(&str, &[&str])| relation(name, &columns.join(" "));
            KNOWN_BY.iter().map(table).collect::<Vec<_>>()
        };
        assert_eq!(judge(&[]), Found::Nothing);
        assert_eq!(judge(&ours()), Found::Ours);
        let mut later = ours();
        later[1].columns.push("more".to_owned());
        later.push(relation("changes", "sequence"));
        assert_eq!(judge(&later), Found::Ours);

        let foreign = |name: &str| Found::Foreign(name.to_owned());
        assert_eq!(judge(&[relation("meta", "version")]), foreign("meta"));
        assert_eq!(judge(&[relation("documents", "id title")]), foreign("documents"));
        let mut mixed = ours();
        mixed[3] = relation("records", "id name");
        assert_eq!(judge(&mixed), foreign("records"));
        let mut view = ours();
        view[0].is_table = false;
        assert_eq!(judge(&view), foreign("meta"));
    }
}
