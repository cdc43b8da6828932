//! The databases of a command.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result};
use isobase::{
    Location, OpenError, OpenOptions, Opened, Purpose, engine::Engine, types::CollectionName,
};
use isobase_auth::SESSIONS_COLLECTION;
use tempfile::TempDir;

use crate::{
    failure::Failure,
    opening::{must_exist, open_failure},
    print::Printer,
    settings::Config,
    source::Source,
    target::must_hold_something,
};

/// A database that is read or written as a whole.
pub(crate) struct Place {
    /// As it is named in reports, without secrets.
    pub(crate) name: String,
    pub(crate) engine: Arc<dyn Engine>,
    /// The file, when there was none before.
    made: Option<Made>,
    /// Where a database is that only stands for the named one. Its drop removes it.
    _scratch: Option<TempDir>,
}

impl Place {
    /// Opens a database to read all of it and write nothing: what must be in it is the source of a
    /// work. One that a service holds is read beside the service.
    pub(crate) async fn open_source(
        location: &Location,
        config: &Config,
        printer: Printer,
    ) -> Result<Self> {
        let name = name(location);
        if let Some(holder) = location.holder() {
            printer.note(&format!("{name} is held by {holder}; reading beside it"));
        }
        let Source { engine, scratch } = Source::open(location, config).await?;
        Self { name, engine, made: None, _scratch: scratch }.holding_something(location).await
    }

    /// Opens a database to read what must be in it, and perhaps take in what other programs wrote:
    /// one that a service holds is read beside the service.
    pub(crate) async fn open_to_read(
        location: &Location,
        config: &Config,
        printer: Printer,
    ) -> Result<Self> {
        Self::open_to_ask(location, config, printer).await?.holding_something(location).await
    }

    async fn holding_something(self, location: &Location) -> Result<Self> {
        let place = self;
        match must_hold_something(location, &*place.engine, None).await {
            Ok(()) => Ok(place),
            Err(error) => {
                place.close().await?;
                Err(error)
            }
        }
    }

    /// The same for a database that may have nothing in it yet.
    pub(crate) async fn open_to_ask(
        location: &Location,
        config: &Config,
        printer: Printer,
    ) -> Result<Self> {
        must_exist(location)?;
        let name = name(location);
        let opened = location.open(Purpose::UseOrReadBeside, &config.options).await;
        let Opened { engine, held_by, .. } = opened.map_err(open_failure)?;
        if let Some(holder) = held_by {
            printer.note(&format!("{name} is held by {holder}; reading beside it"));
        }
        Ok(Self { name, engine, made: None, _scratch: None })
    }

    /// Opens a database to load it.
    pub(crate) async fn open_to_load(location: &Location, options: &OpenOptions) -> Result<Self> {
        let made = location.missing_file().map(Made::of);
        match location.open(Purpose::Load, options).await {
            Ok(Opened { engine, .. }) => {
                Ok(Self { name: name(location), engine, made, _scratch: None })
            }
            Err(error @ OpenError::InUse { .. }) => Err(open_failure(error)
                .hint("stop that process first: nobody else may write to a database being loaded")
                .into()),
            Err(error) => Err(open_failure(error).into()),
        }
    }

    /// Opens a database to ask what it could hold. In place of a file that is not there yet it
    /// is an empty one elsewhere: nothing is made under the name.
    pub(crate) async fn open_to_try(location: &Location, options: &OpenOptions) -> Result<Self> {
        if location.missing_file().is_none() {
            return Self::open_to_load(location, options).await;
        }
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let scratch = Location::Sqlite(folder.path().join("target.db"));
        let place = Self::open_to_load(&scratch, options).await?;
        Ok(Self { name: name(location), made: None, _scratch: Some(folder), ..place })
    }

    /// An empty database that goes when it is closed, beside the data.
    pub(crate) async fn scratch(folder: &Path, options: &OpenOptions) -> Result<Self> {
        let folder = tempfile::tempdir_in(folder).context("cannot make a temporary folder")?;
        let scratch = Location::Sqlite(folder.path().join("scratch.db"));
        let place = Self::open_to_load(&scratch, options).await?;
        Ok(Self { _scratch: Some(folder), ..place })
    }

    pub(crate) async fn close(self) -> Result<()> {
        Ok(self.engine.close().await?)
    }

    /// Closes the target of a work that ended so. A file that was made for it and never written
    /// to goes again, while no one else can have it: then there is no target that was touched.
    pub(crate) async fn close_after<T, E>(self, done: &Result<T, E>) -> Result<()> {
        if let (Some(made), Err(_)) = (&self.made, done)
            && self.was_never_written().await
            && std::fs::remove_file(&made.file).is_ok()
        {
            // Closing could only report on a file that is gone.
            let _ = self.engine.close().await;
            made.remove_rest();
            return Ok(());
        }
        self.close().await
    }

    async fn was_never_written(&self) -> bool {
        matches!(self.engine.unfinished().await, Ok(None))
            && self.engine.latest().await.is_ok_and(|latest| latest.0 == 0)
            && self.engine.collections().await.is_ok_and(|found| found.is_empty())
            && self.engine.indexed_collections().await.is_ok_and(|found| found.is_empty())
    }
}

/// A database file that opening makes.
struct Made {
    file: PathBuf,
    /// The folders that are made for it, the innermost first.
    folders: Vec<PathBuf>,
}

impl Made {
    /// Before it is made.
    fn of(file: &Path) -> Self {
        let outer = file.ancestors().skip(1);
        let missing = outer.take_while(|it| !it.as_os_str().is_empty() && !it.exists());
        Self { file: file.to_owned(), folders: missing.map(Path::to_owned).collect() }
    }

    /// Removes what SQLite leaves beside a file that is gone, and the folders where nothing else is.
    fn remove_rest(&self) {
        for suffix in ["-wal", "-shm"] {
            let mut path = self.file.clone().into_os_string();
            path.push(suffix);
            let _ = std::fs::remove_file(path);
        }
        let _ = self.folders.iter().try_for_each(std::fs::remove_dir);
    }
}

/// Reads the URL of a flag or argument.
pub(crate) fn location(what: &str, url: &str) -> Result<Location> {
    prefixed_location(&format!("{what}: "), url)
}

/// Reads a URL whose errors are told where it is named already.
pub(crate) fn unnamed_location(url: &str) -> Result<Location> {
    prefixed_location("", url)
}

fn prefixed_location(prefix: &str, url: &str) -> Result<Location> {
    if url.starts_with("http://") || url.starts_with("https://") {
        return Err(Failure::usage(format!("{prefix}{url} is a service, not a database"))
            .hint("name the database itself, as in sqlite://data/isobase.db")
            .into());
    }
    let location =
        Location::parse(url).map_err(|error| Failure::usage(format!("{prefix}{error}")))?;
    if !location.is_kept() {
        return Err(Failure::usage(format!("{prefix}a database in memory ends with its process"))
            .hint("name a database that stays, as in sqlite://data/isobase.db")
            .into());
    }
    Ok(location)
}

/// The database of the flag, else that of the settings.
pub(crate) fn location_or_settings(url: Option<&str>, config: &Config) -> Result<Location> {
    match url {
        Some(url) => location("--url", url),
        None => location("the settings", &config.records.whole_url()),
    }
}

pub(crate) fn collections(names: &[String]) -> Result<Vec<CollectionName>> {
    if names.iter().any(|name| name == SESSIONS_COLLECTION) {
        return Err(Failure::usage(format!(
            "--collections: {SESSIONS_COLLECTION} does not travel"
        ))
        .hint("who is signed in at one service signs in again at another")
        .into());
    }
    let read = |name: &String| {
        CollectionName::new(name)
            .map_err(|error| Failure::usage(format!("--collections: {name}: {error}")).into())
    };
    names.iter().map(read).collect()
}

/// The same file has the same name, from whatever folder it is named.
pub(crate) fn name(location: &Location) -> String {
    location.canonical().to_string()
}
