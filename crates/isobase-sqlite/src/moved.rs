//! Whether what is open is still what the path leads to.
//!
//! A file that was deleted or replaced under the process can be written on, and everything that was
//! answered is gone at the next start.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::error::OpenError;
use crate::file::with_suffix;

/// The database file and its log, as they were opened.
///
/// It has both open by itself, to compare what is open now with what the paths lead to now: some
/// file systems give a file another number after a while. SQLite's locks on the database file end
/// when any handle on it is closed, so this must be dropped after all connections. Source:
/// <https://sqlite.org/howtocorrupt.html>, section 2.2.
#[derive(Debug)]
pub(crate) struct OpenFiles {
    database: Open,
    log_path: PathBuf,
    /// Set by the writer, in its first transaction: before, there may be no log.
    log: OnceLock<Open>,
}

#[derive(Debug)]
struct Open {
    path: PathBuf,
    file: File,
}

impl OpenFiles {
    /// The file at a path that SQLite has just opened.
    pub(crate) fn new(path: &Path) -> Result<Self, OpenError> {
        let database = Open::new(path).map_err(|source| OpenError::Io {
            action: "open",
            path: path.to_owned(),
            source,
        })?;
        Ok(Self { database, log_path: with_suffix(path, "-wal"), log: OnceLock::new() })
    }

    /// Why writing must end, if what is open is no longer what the paths lead to.
    pub(crate) fn moved(&self) -> Option<Arc<str>> {
        let moved = [Some(&self.database), self.log.get()].into_iter().flatten();
        moved.filter(|open| open.is_moved()).map(Open::reason).next()
    }

    /// The same inside a transaction, where there must be a log.
    pub(crate) fn moved_in_transaction(&self) -> Option<Arc<str>> {
        if self.log.get().is_none() {
            match Open::new(&self.log_path) {
                // Only the writer sets it.
                Ok(log) => drop(self.log.set(log)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Some(reason(&self.log_path));
                }
                // SQLite has it open; the next transaction asks again.
                Err(_) => {}
            }
        }
        self.moved()
    }
}

impl Open {
    fn new(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), file: File::open(path)? })
    }

    /// What cannot be asked counts as there: it is no reason to end writing.
    fn is_moved(&self) -> bool {
        is_moved(&self.file, &self.path)
    }

    fn reason(&self) -> Arc<str> {
        reason(&self.path)
    }
}

/// Whether a path no longer leads to the file that was opened there. What cannot be asked does not
/// count.
pub(crate) fn is_moved(file: &File, path: &Path) -> bool {
    let Ok(open) = file.metadata() else { return false };
    match fs::metadata(path) {
        Ok(found) => !is_same(&open, &found),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// Clients are told: only the name of the file.
fn reason(path: &Path) -> Arc<str> {
    let name = path.file_name().unwrap_or_default().display();
    format!(
        "{name} was deleted or replaced while it was open; what it held can still be read, and is \
         gone when this process ends"
    )
    .into()
}

#[cfg(unix)]
fn is_same(open: &Metadata, found: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (open.dev(), open.ino()) == (found.dev(), found.ino())
}

/// Elsewhere a file that is open cannot be deleted or replaced.
#[cfg(not(unix))]
fn is_same(_: &Metadata, _: &Metadata) -> bool {
    true
}
