//! Which migrations a database has seen, and running those that it has not.

use std::time::Instant;

use super::{Migration, Migrations, compare};
use crate::{
    Answer, DbConnector, DbOperator, Dialect, Error, ErrorKind, Session, Settings, TableName,
    Transaction, Value, catalogue, lexer,
};
use futures_util::future::BoxFuture;

/// One at a time migrates a database of PostgreSQL. SQLite's transactions are alone anyway.
const LOCK: i64 = 0x1507_ba5e_0002;
/// The table in which a database keeps what it has seen.
const TABLE: &str = "isobase_migrations";

/// Where a migration stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MigrationState {
    /// The database has it.
    Applied,
    /// The database does not have it yet.
    Pending,
    /// The database has it, and the file is another one now.
    Changed,
    /// It began without a transaction and did not end.
    Interrupted,
    /// The database has it, and there is no such file.
    Missing,
}

/// A row of our table.
struct Seen {
    version: i64,
    name: String,
    checksum: String,
    finished: bool,
}

impl Migrations {
    /// Every migration of the folder and of the database, by number.
    ///
    /// # Errors
    /// As the database refuses.
    pub fn status<'a>(
        &'a self,
        db: &'a DbConnector,
    ) -> BoxFuture<'a, Result<Vec<(i64, String, MigrationState)>, Error>> {
        Box::pin(async move {
            let seen = seen(db).await?;
            let mut all: Vec<_> = self
                .all
                .iter()
                .map(|migration| {
                    let found = seen.iter().find(|seen| seen.version == migration.version);
                    let state = match found {
                        None => MigrationState::Pending,
                        Some(seen) if !seen.finished => MigrationState::Interrupted,
                        Some(seen) if seen.checksum != migration.checksum => {
                            MigrationState::Changed
                        }
                        Some(_) => MigrationState::Applied,
                    };
                    (migration.version, migration.name.clone(), state)
                })
                .collect();
            for seen in seen {
                if !self.all.iter().any(|migration| migration.version == seen.version) {
                    all.push((seen.version, seen.name, MigrationState::Missing));
                }
            }
            all.sort_by_key(|(version, ..)| *version);
            Ok(all)
        })
    }

    /// Runs what the database has not seen; gives the names of what it ran. Each runs in one
    /// transaction, with the note that it was run.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when a file was changed after it was run, is gone, or comes before
    /// one that was run; else as the database refuses. Then earlier ones stay, and this one has
    /// left nothing behind.
    pub fn up<'a>(&'a self, db: &'a DbConnector) -> BoxFuture<'a, Result<Vec<String>, Error>> {
        Box::pin(async move {
            create_table(db).await?;
            let mut ran = Vec::new();
            for migration in &self.all {
                let done = if migration.transactional {
                    self.apply(db, migration).await?
                } else {
                    self.apply_alone(db, migration).await?
                };
                if done {
                    ran.push(format!("{:04}_{}", migration.version, migration.name));
                }
            }
            Ok(ran)
        })
    }

    /// The statements that would make the tables of a database what the migrations make of an
    /// empty one. What would lose data is a comment.
    ///
    /// `url` is the database's own: the migrations run in a new database beside it, which is
    /// dropped again.
    ///
    /// # Errors
    /// As the database refuses.
    pub fn diff<'a>(
        &'a self,
        db: &'a DbConnector,
        url: &'a str,
    ) -> BoxFuture<'a, Result<Vec<String>, Error>> {
        Box::pin(async move {
            let schemas = catalogue::schema_names(db).await?;
            let expected = match db.dialect() {
                Dialect::Sqlite => {
                    let scratch = DbConnector::new("sqlite::memory:", db.settings().clone())?;
                    self.up(&scratch).await?;
                    all_tables(&scratch).await?
                }
                Dialect::Postgres => self.tables_of_scratch(db, url).await?,
            };
            let found = all_tables(db).await?;
            Ok(compare::statements(db.dialect(), &schemas, &expected, &found))
        })
    }

    async fn tables_of_scratch(
        &self,
        db: &DbConnector,
        url: &str,
    ) -> Result<Vec<crate::Table>, Error> {
        let name =
            db.run("SELECT 'isobase_diff_' || replace(gen_random_uuid()::text, '-', '')", &[]);
        let name = name.await?.into_value().map(|name| name.to_string()).unwrap_or_default();
        db.run(&format!("CREATE DATABASE {name} TEMPLATE template0"), &[]).await?;
        let separator = if url.contains('?') { '&' } else { '?' };
        let settings = Settings { pool_size_max: 2, ..db.settings().clone() };
        let tables = async {
            let scratch = DbConnector::new(&format!("{url}{separator}dbname={name}"), settings)?;
            self.up(&scratch).await?;
            let tables = all_tables(&scratch).await;
            scratch.close();
            tables
        }
        .await;
        // FORCE ends a connection that is still closing.
        db.run(&format!("DROP DATABASE {name} WITH (FORCE)"), &[]).await?;
        tables
    }

    async fn apply(&self, db: &DbConnector, migration: &Migration) -> Result<bool, Error> {
        let transaction = db.begin().await?;
        match self.apply_in(&transaction, migration).await {
            Ok(true) => transaction.commit().await.map(|()| true),
            Ok(false) => transaction.rollback().await.map(|()| false),
            Err(error) => {
                transaction.rollback().await?;
                Err(error)
            }
        }
    }

    async fn apply_in(
        &self,
        transaction: &Transaction,
        migration: &Migration,
    ) -> Result<bool, Error> {
        transaction.lock(LOCK).await?;
        if !self.is_next(transaction, migration).await? {
            return Ok(false);
        }
        let began = Instant::now();
        let ran = async {
            transaction.run_script(&migration.sql).await?;
            note(transaction, migration, true, began).await
        };
        ran.await.map(|_| true).map_err(|error| failed(migration, error))
    }

    /// Without a transaction a failure leaves behind what came before it, and a note of that.
    async fn apply_alone(&self, db: &DbConnector, migration: &Migration) -> Result<bool, Error> {
        let guard = db.begin().await?;
        guard.lock(LOCK).await?;
        let ran = async {
            if !self.is_next(db, migration).await? {
                return Ok(false);
            }
            if db.dialect() == Dialect::Sqlite {
                let name = named(migration);
                let message = format!("{name} was not run: SQLite runs all in transactions");
                return Err(Error::invalid(message));
            }
            let ran = run_alone(db, migration).await;
            ran.map(|()| true).map_err(|error| failed(migration, error))
        };
        let ran = ran.await;
        guard.rollback().await?;
        ran
    }

    /// Whether it is still to be run. Everything that was run must be as it was.
    async fn is_next<S: Session>(&self, session: &S, migration: &Migration) -> Result<bool, Error> {
        let seen = rows(session).await?;
        for seen in &seen {
            let file = self.all.iter().find(|file| file.version == seen.version);
            let problem = match file {
                None => "was run, and there is no such file",
                Some(_) if !seen.finished => {
                    "was interrupted: finish or undo it by hand, then delete its row in \
                     isobase_migrations or set finished"
                }
                Some(file) if file.checksum != seen.checksum => "was changed after it was run",
                Some(_) => continue,
            };
            let (version, name) = (seen.version, &seen.name);
            return Err(Error::invalid(format!("the migration {version:04}_{name} {problem}")));
        }
        if seen.iter().any(|seen| seen.version == migration.version) {
            return Ok(false);
        }
        if let Some(later) = seen.iter().find(|seen| seen.version > migration.version) {
            let (version, name) = (later.version, &later.name);
            return Err(Error::invalid(format!(
                "{} comes before {version:04}_{name}, which was run: give it a later number",
                named(migration)
            )));
        }
        Ok(true)
    }
}

async fn create_table(db: &DbConnector) -> Result<(), Error> {
    let transaction = db.begin().await?;
    transaction.lock(LOCK).await?;
    let sql = format!(
        "CREATE TABLE IF NOT EXISTS {TABLE} (version bigint PRIMARY KEY, name text NOT NULL, \
         checksum text NOT NULL, finished boolean NOT NULL, milliseconds bigint NOT NULL, \
         applied_at timestamp DEFAULT CURRENT_TIMESTAMP)"
    );
    transaction.run(&sql, &[]).await?;
    transaction.commit().await
}

async fn note<S: Session>(
    session: &S,
    migration: &Migration,
    finished: bool,
    began: Instant,
) -> Result<Answer, Error> {
    let sql = format!(
        "INSERT INTO {TABLE} (version, name, checksum, finished, milliseconds) \
         VALUES ($1, $2, $3, $4, $5)"
    );
    let milliseconds = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
    let parameters = [
        migration.version.into(),
        migration.name.as_str().into(),
        migration.checksum.as_str().into(),
        finished.into(),
        milliseconds.into(),
    ];
    session.run(&sql, &parameters).await
}

/// What the database has seen; nothing without our table.
async fn seen(db: &DbConnector) -> Result<Vec<Seen>, Error> {
    if !DbOperator::new(db).table_exists(TableName::from(TABLE)).await? {
        return Ok(Vec::new());
    }
    rows(db).await
}

async fn rows<S: Session>(session: &S) -> Result<Vec<Seen>, Error> {
    let sql = format!("SELECT version, name, checksum, finished FROM {TABLE} ORDER BY version");
    let rows = session.run(&sql, &[]).await?.rows;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let seen = rows.iter().map(|row| match row.values() {
        [version, name, checksum, finished] => Ok(Seen {
            version: version.as_int().unwrap_or(0),
            name: text(name),
            checksum: text(checksum),
            finished: finished.as_int() == Some(1),
        }),
        _ => Err(Error::new(ErrorKind::Schema, format!("{TABLE} is not ours"))),
    });
    seen.collect()
}

async fn all_tables(db: &DbConnector) -> Result<Vec<crate::Table>, Error> {
    let mut tables = Vec::new();
    for schema in catalogue::schema_names(db).await? {
        tables.extend(catalogue::read_schema(db, &schema).await?);
    }
    tables.retain(|table| table.name != TABLE);
    Ok(tables)
}

async fn run_alone(db: &DbConnector, migration: &Migration) -> Result<(), Error> {
    note(db, migration, false, Instant::now()).await?;
    for statement in lexer::statements(db.dialect(), &migration.sql) {
        db.run(statement, &[]).await?;
    }
    let sql = format!("UPDATE {TABLE} SET finished = true WHERE version = $1");
    db.run(&sql, &[migration.version.into()]).await.map(drop)
}

fn named(migration: &Migration) -> String {
    format!("the migration {:04}_{}", migration.version, migration.name)
}

/// The failure of one that ran.
fn failed(migration: &Migration, error: Error) -> Error {
    let message = format!("{} failed: {}", named(migration), error.message);
    Error { message, ..error }
}
