//! Facts about a database that its location tells without opening it.

use std::path::{Path, PathBuf};

use crate::Location;
#[cfg(feature = "sqlite")]
use crate::open::holder;

impl Location {
    /// The file that the whole database lies in; `None` for one in memory or on a server.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            _ => None,
        }
    }

    /// The file that the database would lie in, if it is not there yet. Opening it makes one.
    #[must_use]
    pub fn missing_file(&self) -> Option<&Path> {
        self.file().filter(|path| !path.exists())
    }

    /// Whether the database outlives the process that opened it.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        *self != Self::Memory
    }

    /// Whether it is a database on a server, where a new one cannot be told from a misspelled name.
    #[must_use]
    pub fn is_on_a_server(&self) -> bool {
        self.is_kept() && self.file().is_none()
    }

    /// The URL of a server that is named by its host, secrets included: names of one machine may
    /// be spelled in several ways. `None` for files, and where a cloud has the name.
    #[must_use]
    pub fn server(&self) -> Option<&str> {
        match self {
            Self::Postgres(url) | Self::Couchdb(url) => Some(url),
            _ => None,
        }
    }

    /// The URL as it is parsed again, secrets included.
    #[must_use]
    pub fn whole_url(&self) -> String {
        match self {
            Self::Postgres(url)
            | Self::Couchdb(url)
            | Self::Dynamodb(url)
            | Self::Firestore(url) => url.clone(),
            other => other.to_string(),
        }
    }

    /// The same with the whole path of a file: a relative one does not tell where it is.
    #[must_use]
    pub fn absolute(&self) -> Self {
        self.with_file(|path| std::path::absolute(path).ok())
    }

    /// The same with the one path that a file has, from whatever folder and by whatever link it is
    /// named.
    #[must_use]
    pub fn canonical(&self) -> Self {
        self.with_file(|path| {
            std::fs::canonicalize(path).or_else(|_| std::path::absolute(path)).ok()
        })
    }

    /// Who has the file open, in words: `the service at http://127.0.0.1:8002`. `None` if no one
    /// has, and for databases that any number of processes may use.
    #[must_use]
    pub fn holder(&self) -> Option<String> {
        #[cfg(feature = "sqlite")]
        {
            Some(holder(isobase_sqlite::lock_holder(self.file()?)?.address))
        }
        #[cfg(not(feature = "sqlite"))]
        None
    }

    fn with_file(&self, whole: impl FnOnce(&Path) -> Option<PathBuf>) -> Self {
        match self.file().and_then(whole) {
            Some(path) => Self::Sqlite(path),
            None => self.clone(),
        }
    }
}
