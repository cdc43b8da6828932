//! The dumps of a folder, and the two databases that they are of.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures_util::future::BoxFuture;
use isobase_postgres::Config;

use super::{
    PgTools,
    before::Before,
    builtin,
    complete::check_complete,
    dump,
    options::{DumpOptions, DumpParts},
    repository, restore,
};
use crate::{
    DbConnector, DbOperator, Environment, Error, ErrorKind, SchemaRegistry, Session, Settings,
    TableName, Transaction, civil, name::quoted,
};

/// What the folder of dumps keeps out of a repository.
const IGNORED: &str = "*.tmp\ntemp_*\n*.log\n";
/// Rows are sent in pieces of this size, in bytes.
const PIECE_BYTES: usize = 64 * 1024;
/// An index over many rows takes its time.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(24 * 3600);
/// Seconds from 1970-01-01 to 2000-01-01.
const TO_2000_SECONDS: u64 = 946_684_800;

/// Dumps and restores the production and the test database of the specification.
#[derive(Clone, Debug)]
pub struct DatabaseSync {
    folder: PathBuf,
    production: String,
    test: String,
    path: Option<OsString>,
    programs: Programs,
}

/// The programs that make and restore dumps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Programs {
    /// `pg_dump` and `psql`.
    #[default]
    Postgres,
    /// Ourselves, by COPY: where PostgreSQL's programs are missing or older than the server.
    BuiltIn,
    /// `pg_dump` and `psql` where they are there and new enough, else ourselves.
    Either,
}

/// The names of the dumps in a folder, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dumps {
    /// Of the production database.
    pub production: Vec<String>,
    /// Of the test database.
    pub test: Vec<String>,
}

impl DatabaseSync {
    /// Dumps lie in `db_dumps` of a folder. `path` is where programs are looked for, as the
    /// variable of that name has it.
    #[must_use]
    pub fn new(
        folder: &Path,
        production_url: impl Into<String>,
        test_url: impl Into<String>,
        path: Option<OsString>,
    ) -> Self {
        let (production, test) = (production_url.into(), test_url.into());
        let programs = Programs::default();
        Self { folder: folder.join("db_dumps"), production, test, path, programs }
    }

    /// The same with other programs.
    #[must_use]
    pub fn with_programs(mut self, programs: Programs) -> Self {
        self.programs = programs;
        self
    }

    /// The folder of the dumps.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Dumps a database into `prod_db_YYYYMMDD_HHMMSS.sql`, without the time if `timestamp` is
    /// false, and copies it to `prod_db_latest.sql`; for the test database `test_db_…`.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] when `pg_dump` is missing or too old; else as it fails.
    pub fn dump_database<'a>(
        &'a self,
        environment: Environment,
        timestamp: bool,
        options: &'a DumpOptions,
    ) -> BoxFuture<'a, Result<PathBuf, Error>> {
        Box::pin(async move {
            self.prepare_folder()?;
            let stem = stem(environment);
            let name =
                if timestamp { format!("{stem}_{}.sql", now()) } else { format!("{stem}.sql") };
            let file = self.folder.join(name);
            self.dump_into(environment, options, &file).await?;
            let latest = self.folder.join(format!("{stem}_latest.sql"));
            // Beside it first: anyone who restores the latest meanwhile must find a whole one.
            let copy = latest.with_extension("sql.tmp");
            fs::copy(&file, &copy)
                .and_then(|_| fs::rename(&copy, &latest))
                .map_err(|error| Error::io("write", &latest, &error))?;
            Ok(file)
        })
    }

    /// Dumps a database into a file.
    ///
    /// # Errors
    /// As [`DatabaseSync::dump_database`].
    pub fn dump_into<'a>(
        &'a self,
        environment: Environment,
        options: &'a DumpOptions,
        file: &'a Path,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let (config, db) = self.open(environment)?;
            match self.tools(server_major(&db).await?).await? {
                Some(tools) => dump::dump(&tools, &config, options, file).await,
                None => builtin::dump(&db, options, file).await.map(drop),
            }
        })
    }

    /// Restores a dump, and compares every row with it; gives their number. A name without a
    /// folder is looked for among the dumps.
    ///
    /// Production is a target only when `confirm` is the name of its database.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] when there is no such dump; [`ErrorKind::Invalid`] for a dump that is
    /// not whole, or without confirmation; else as the database refuses. Then it is as before.
    pub fn restore_database<'a>(
        &'a self,
        file: &'a Path,
        environment: Environment,
        confirm: Option<&'a str>,
    ) -> BoxFuture<'a, Result<u64, Error>> {
        Box::pin(async move { self.restore(file, environment, (confirm, Before::Keep)).await })
    }

    async fn restore(
        &self,
        file: &Path,
        environment: Environment,
        (confirm, before): (Option<&str>, Before),
    ) -> Result<u64, Error> {
        let file = self.find(file)?;
        let (config, db) = self.open(environment)?;
        self.check_confirmed(&config, confirm)?;
        let major = server_major(&db).await?;
        let tools = self.tools(major).await?;
        restore::restore(tools.as_ref(), &config, &db, major, (&file, before)).await
    }

    /// Restores the latest dump of both databases.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] unless both are there, [`ErrorKind::Invalid`] unless both are whole: then
    /// neither is restored; else as [`DatabaseSync::restore_database`].
    pub async fn restore_from_latest(&self, confirm: Option<&str>) -> Result<u64, Error> {
        let both = [Environment::Production, Environment::Test];
        let files =
            both.map(|environment| self.folder.join(format!("{}_latest.sql", stem(environment))));
        if files.iter().any(|file| !file.is_file()) {
            let message = "Latest dumps not found. Create dumps first.";
            return Err(Error::new(ErrorKind::Io, message));
        }
        // Before the first is restored: else one of two would be, and the refusal says none was.
        files.iter().try_for_each(|file| check_complete(file))?;
        let mut rows = 0;
        for (environment, file) in both.into_iter().zip(&files) {
            rows += self.restore_database(file, environment, confirm).await?;
        }
        Ok(rows)
    }

    /// Fetches the latest dumps of another machine, from the same folder there, and restores
    /// them; without another machine, the latest ones here.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] when they cannot be fetched; else as [`DatabaseSync::restore_from_latest`].
    pub fn sync_from_dumps<'a>(
        &'a self,
        target: Option<&'a str>,
        confirm: Option<&'a str>,
    ) -> BoxFuture<'a, Result<u64, Error>> {
        Box::pin(async move {
            if let Some(target) = target {
                self.prepare_folder()?;
                repository::fetch(&self.folder, target).await?;
            }
            self.restore_from_latest(confirm).await
        })
    }

    /// The names of the dumps, sorted from the end: `…_latest` first.
    ///
    /// # Errors
    /// [`ErrorKind::Io`].
    pub fn available_dumps(&self) -> Result<Dumps, Error> {
        let mut names = Vec::new();
        if self.folder.is_dir() {
            let io = |error| Error::io("read", &self.folder, &error);
            for entry in fs::read_dir(&self.folder).map_err(io)? {
                names.extend(entry.map_err(io)?.file_name().into_string());
            }
        }
        names.sort_by(|a, b| b.cmp(a));
        let of = |environment| {
            let stem = stem(environment);
            let is = |name: &&String| name.starts_with(stem) && name.ends_with(".sql");
            names.iter().filter(is).cloned().collect()
        };
        Ok(Dumps { production: of(Environment::Production), test: of(Environment::Test) })
    }

    /// Commits the dumps into the repository around them; says whether there was something new.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] when git fails.
    pub async fn commit_dumps(&self, message: Option<&str>) -> Result<bool, Error> {
        let usual = format!("Update database dumps - {}", now());
        repository::commit(&self.folder, message.unwrap_or(&usual)).await
    }

    /// Pushes the branch to a remote; without a branch the current one.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] when git fails.
    pub async fn push(&self, remote: &str, branch: Option<&str>) -> Result<(), Error> {
        repository::push(&self.folder, remote, branch).await
    }

    /// Makes the test database anew: nothing of it stays; then it has the structure of production,
    /// and the rows of some tables. Gives the number of rows.
    ///
    /// # Errors
    /// As [`DatabaseSync::restore_database`].
    pub fn refresh_test_db<'a>(
        &'a self,
        tables: &'a [TableName],
    ) -> BoxFuture<'a, Result<u64, Error>> {
        Box::pin(async move {
            self.prepare_folder()?;
            let file = self.folder.join(format!("temp_structure_{}.sql", now()));
            let options = DumpOptions { parts: DumpParts::Structure, ..DumpOptions::default() };
            self.dump_into(Environment::Production, &options, &file).await?;
            let restored = self.restore(&file, Environment::Test, (None, Before::DropAll)).await;
            let _ = fs::remove_file(&file);
            restored?;
            self.sync_tables(tables).await
        })
    }

    /// Replaces the rows of tables in the test database by those of production, those first that
    /// others refer to; all or none. Gives their number.
    ///
    /// # Errors
    /// As the database refuses.
    pub fn sync_tables<'a>(&'a self, tables: &'a [TableName]) -> BoxFuture<'a, Result<u64, Error>> {
        Box::pin(async move {
            let (_, source) = self.open(Environment::Production)?;
            let (config, target) = self.open(Environment::Test)?;
            self.check_confirmed(&config, None)?;
            let registry = SchemaRegistry::from_database(&source).await?;
            self.prepare_folder()?;
            let snapshot = source.begin_snapshot().await?;
            let transaction = target.begin().await?;
            let schema =
                |name: &TableName| name.schema.clone().unwrap_or_else(|| "public".to_owned());
            let mut by_schema: BTreeMap<String, Vec<&str>> = BTreeMap::new();
            for name in tables {
                registry.table(&schema(name), &name.table)?;
                by_schema.entry(schema(name)).or_default().push(&name.table);
            }
            let mut rows = 0;
            for (schema, wanted) in by_schema {
                let ordered = registry.tables(&schema);
                let chosen: Vec<_> =
                    ordered.iter().filter(|t| wanted.contains(&t.name.as_str())).collect();
                for table in chosen.iter().rev() {
                    let sql = format!("DELETE FROM {}", table.sql_name());
                    transaction.run(&sql, &[]).await?;
                }
                for table in chosen {
                    let columns = table.columns.iter().filter(|column| {
                        !column.read_only || column.generation == crate::Generation::IdentityAlways
                    });
                    let names: Vec<String> = columns.map(|column| quoted(&column.name)).collect();
                    let place = format!("{} ({})", table.sql_name(), names.join(", "));
                    rows += hand_over(&snapshot, &transaction, &place, &self.folder).await?;
                }
            }
            transaction.commit().await?;
            snapshot.rollback().await?;
            Ok(rows)
        })
    }

    /// Whatever it is opened as: the test database of the settings may be production.
    fn check_confirmed(&self, target: &Config, confirm: Option<&str>) -> Result<(), Error> {
        let production = self.config(Environment::Production)?;
        let place = |config: &Config| (config.address(), config.database().to_owned());
        let name = target.database();
        if place(&production) != place(target) || confirm == Some(name) {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "production is not overwritten without its name: confirm with '{name}'"
        )))
    }

    async fn tools(&self, server_major: u32) -> Result<Option<PgTools>, Error> {
        match self.programs {
            Programs::Postgres => PgTools::find(self.path.as_ref(), server_major).await.map(Some),
            Programs::BuiltIn => Ok(None),
            Programs::Either => Ok(PgTools::find(self.path.as_ref(), server_major).await.ok()),
        }
    }

    fn url(&self, environment: Environment) -> &str {
        match environment {
            Environment::Production => &self.production,
            Environment::Test => &self.test,
        }
    }

    fn config(&self, environment: Environment) -> Result<Config, Error> {
        Config::parse(self.url(environment)).map_err(|error| Error::invalid(error.to_string()))
    }

    fn open(&self, environment: Environment) -> Result<(Config, DbConnector), Error> {
        let settings = Settings { statement_timeout: STATEMENT_TIMEOUT, ..Settings::default() };
        let db = DbConnector::new(self.url(environment), settings)?;
        Ok((self.config(environment)?, db))
    }

    fn find(&self, file: &Path) -> Result<PathBuf, Error> {
        let among_dumps = self.folder.join(file);
        let found = [file.to_owned(), among_dumps].into_iter().find(|path| path.is_file());
        found.ok_or_else(|| {
            let message = format!("Database dump not found: {}", file.display());
            Error::new(ErrorKind::Io, message)
        })
    }

    fn prepare_folder(&self) -> Result<(), Error> {
        let failed = |error| Error::io("create", &self.folder, &error);
        fs::create_dir_all(&self.folder).map_err(failed)?;
        let ignore = self.folder.join(".gitignore");
        if ignore.exists() {
            return Ok(());
        }
        fs::write(&ignore, IGNORED).map_err(failed)
    }
}

/// Copies the rows of a table from one database to another, through a file: there may be more of
/// them than memory holds.
async fn hand_over(
    source: &Transaction,
    target: &Transaction,
    place: &str,
    folder: &Path,
) -> Result<u64, Error> {
    let path = folder.join(format!("temp_rows_{}_{}.tmp", std::process::id(), now()));
    let failed = |error| Error::io("use", &path, &error);
    let mut file =
        fs::File::options().create_new(true).read(true).write(true).open(&path).map_err(failed)?;
    // No one else needs its name; on other systems than Unix it stays until the end.
    let unlinked = fs::remove_file(&path).is_ok();
    let copied = async {
        let copy = format!("COPY {place} TO STDOUT");
        source.copy_out(&copy, |piece| file.write_all(piece).map_err(failed)).await?;
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        let pieces = std::iter::from_fn(|| {
            let mut piece = vec![0; PIECE_BYTES];
            match file.read(&mut piece) {
                Ok(0) => None,
                Ok(length) => {
                    piece.truncate(length);
                    Some(Ok(piece))
                }
                Err(error) => Some(Err(failed(error))),
            }
        });
        target.copy_in(&format!("COPY {place} FROM STDIN"), pieces).await
    };
    let copied = copied.await;
    if !unlinked {
        let _ = fs::remove_file(&path);
    }
    copied
}

fn stem(environment: Environment) -> &'static str {
    match environment {
        Environment::Production => "prod_db",
        Environment::Test => "test_db",
    }
}

async fn server_major(db: &DbConnector) -> Result<u32, Error> {
    let select =
        crate::Select::sql("SELECT current_setting('server_version_num')::int / 10000", []);
    let major = DbOperator::new(db).fetch_value(select).await?;
    let major = major.and_then(|major| major.as_int()).unwrap_or(0);
    Ok(u32::try_from(major).unwrap_or(0))
}

/// `20261130_123005`, in UTC.
fn now() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let seconds = seconds.saturating_sub(TO_2000_SECONDS);
    let days = i32::try_from(seconds / 86_400).unwrap_or(0);
    let time = civil::time_text(i64::try_from(seconds % 86_400).unwrap_or(0) * 1_000_000);
    format!("{}_{}", civil::date_text(days).replace('-', ""), time.replace(':', ""))
}
