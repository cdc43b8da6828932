//! Folding the log into the file: when, and what its failure means.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use rusqlite::Connection;

use crate::error::classify;
use crate::metrics::WriterStatus;
use crate::pool::Pool;

/// A log beyond this size, in bytes, means that a long read keeps it from being emptied.
const LOG_WARN_BYTES: u64 = 256 * 1024 * 1024;

/// How hard to try. Source: <https://sqlite.org/pragma.html#pragma_wal_checkpoint>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// As far as possible without waiting for readers.
    Passive,
    /// Wait for readers, then empty the log.
    Truncate,
}

/// Decides when the log is folded into the file.
pub(crate) struct Checkpoints<'c> {
    connection: &'c Connection,
    /// Its transactions may be in the middle of the log.
    pool: &'c Pool,
    /// Pages at which the first try is due.
    pages_min: u64,
    /// Pages at which the next try is due; grows while a reader keeps the log from restarting.
    pages_next: u64,
    /// Pages seen after the last batch; fewer now means that the log has restarted.
    pages_seen: u64,
    warn_pages: u64,
    warned: bool,
}

impl<'c> Checkpoints<'c> {
    pub(crate) fn new(connection: &'c Connection, pool: &'c Pool, pages_min: u64) -> Self {
        // The page size is a fact of the file; 4 KiB is what SQLite gives new files.
        let page_bytes = connection
            .pragma_query_value(None, "page_size", |row| row.get::<_, u32>(0))
            .map_or(4096, u64::from)
            .max(1);
        let warn_pages = LOG_WARN_BYTES / page_bytes;
        Self {
            connection,
            pool,
            pages_min,
            pages_next: pages_min,
            pages_seen: 0,
            warn_pages,
            warned: false,
        }
    }

    /// Tries a checkpoint when one is due; the reason when writing has to stop.
    pub(crate) fn after_batch(&mut self, status: &WriterStatus) -> Option<Arc<str>> {
        let pages = status.log_pages.load(Relaxed);
        if pages < self.pages_seen {
            self.pages_next = self.pages_min;
            self.warned = false;
        }
        self.pages_seen = pages;
        if pages < self.pages_next {
            return None;
        }
        self.pages_next = pages + self.pages_min.div_ceil(4);
        status.checkpoints.fetch_add(1, Relaxed);
        // Before, so that everything is folded; and after, so that the log begins anew: a transaction
        // that began between does not see that all of it is in the file.
        self.pool.let_go();
        let folded = checkpoint(self.connection, Mode::Passive);
        self.pool.let_go();
        if let Err(error) = folded {
            if classify(&error).ends_writing() {
                return Some(format!("checkpoint: {error}").into());
            }
            // Full or busy: the log keeps everything, and the next try is not far.
            tracing::warn!(%error, "the log was not folded into the database: {error}");
        }
        if pages >= self.warn_pages && !self.warned {
            self.warned = true;
            tracing::warn!(
                pages,
                "the log has grown to {pages} pages: a long read keeps it from being emptied"
            );
        }
        None
    }
}

/// Folds the log into the file; whether all of it was.
pub(crate) fn checkpoint(connection: &Connection, mode: Mode) -> rusqlite::Result<bool> {
    let mode = match mode {
        Mode::Passive => "PASSIVE",
        Mode::Truncate => "TRUNCATE",
    };
    connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
        let (busy, in_log, folded): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(busy == 0 && in_log == folded)
    })
}

/// Counts the pages of the log after each commit. SQLite's own checkpoint at that place would
/// swallow I/O errors, and would make the submitters wait.
pub(crate) fn watch_log(
    connection: &mut Connection,
    status: &Arc<WriterStatus>,
) -> rusqlite::Result<()> {
    let status = Arc::clone(status);
    connection.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages: i32| {
        status.log_pages.store(u64::try_from(pages).unwrap_or(0), Relaxed);
        Ok(())
    }))
}
