//! A database that is read and never written to.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result};
use isobase::{Location, OpenError, Opened, Purpose, engine::Engine};
use tempfile::TempDir;

use crate::{
    opening::{must_exist, open_failure},
    settings::Config,
};

/// A database that is read and never written to.
pub(crate) struct Source {
    pub(crate) engine: Arc<dyn Engine>,
    /// Where a copy is that stands for the file. Its drop removes it.
    pub(crate) scratch: Option<TempDir>,
}

impl Source {
    /// Opens a database, which must be there. An SQLite file that another process has open is read
    /// beside it.
    pub(crate) async fn open(location: &Location, config: &Config) -> Result<Self> {
        must_exist(location)?;
        match location.open(Purpose::Read, &config.options).await {
            Ok(Opened { engine, .. }) => Ok(Self { engine, scratch: None }),
            Err(error @ OpenError::Engine { .. }) if location.holder().is_none() => {
                let copy = Self::open_copy(location, config).await?;
                Ok(copy.ok_or_else(|| open_failure(error))?)
            }
            Err(error) => Err(open_failure(error).into()),
        }
    }

    /// A copy of an SQLite file that cannot be read where it is: an older program has made it, or
    /// its folder takes no file beside it. `None` if that does not help either.
    async fn open_copy(location: &Location, config: &Config) -> Result<Option<Self>> {
        let Some(path) = location.file() else { return Ok(None) };
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let copy = folder.path().join("source.db");
        for suffix in ["", "-wal"] {
            let with = |path: &Path| {
                let mut name = path.as_os_str().to_owned();
                name.push(suffix);
                PathBuf::from(name)
            };
            if with(path).exists() {
                fs::copy(with(path), with(&copy))
                    // A copy takes the mode along, even that of a read-only file.
                    .and_then(|_| fs::set_permissions(with(&copy), Permissions::from_mode(0o600)))
                    .with_context(|| format!("cannot copy {}", path.display()))?;
            }
        }
        let opened = Location::Sqlite(copy).open(Purpose::Use, &config.options).await;
        Ok(opened.ok().map(|opened| Self { engine: opened.engine, scratch: Some(folder) }))
    }
}
