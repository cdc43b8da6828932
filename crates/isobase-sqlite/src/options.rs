//! Options of opening a file.

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

/// The application id in the header of our files: "Isob".
pub(crate) const APPLICATION_ID: u32 = 0x4973_6F62;

/// When a commit counts as done. Source: <https://sqlite.org/pragma.html#pragma_synchronous>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Synchronous {
    /// After the log was synced: an answered write survives a power cut.
    #[default]
    Full,
    /// Before that: a power cut may lose the last answered writes; the file stays sound.
    Normal,
}

/// How to open a file. Start from [`Options::new`] and change what differs.
#[derive(Debug, Clone)]
pub struct Options {
    /// The database file. Its folder is created when missing.
    pub path: PathBuf,
    /// The newest schema version the caller knows, kept as `user_version`. A file with a newer one
    /// is refused; after `prepare` the file has this one. Default 1.
    pub schema_version: i32,
    /// Connections for inline reads. Default: the number of cores, within 2 and 8.
    pub readers: usize,
    /// Threads, each with a connection, for long reads. Default: half as many, at least 2.
    pub scan_threads: usize,
    /// When a commit counts as done. Default: [`Synchronous::Full`].
    pub synchronous: Synchronous,
    /// Page cache of each connection, in KiB; of those for long reads at most 4,096. Default
    /// 16,000.
    pub cache_kib: u32,
    /// How long to wait for a lock of another process. Default 5 s.
    pub busy_timeout: Duration,
    /// Slots in the queue of the writer; a job takes one per 16 KiB begun. Default 4,096.
    pub queue_jobs_max: usize,
    /// Jobs in one transaction. Default 512.
    pub batch_jobs_max: usize,
    /// Estimated bytes of the jobs in one transaction; a larger job goes alone. Default 8 MiB.
    pub batch_bytes_max: usize,
    /// Long reads that wait for a thread; more are answered with `Busy`. Default 1,024.
    pub scans_waiting_max: usize,
    /// Pages in the write-ahead log at which a checkpoint is tried. Default 4,000 (16 MB).
    pub checkpoint_pages: u32,
}

impl Options {
    /// The defaults for one file.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let cores = thread::available_parallelism().map_or(2, usize::from);
        let readers = cores.clamp(2, 8);
        Self {
            path: path.into(),
            schema_version: 1,
            readers,
            scan_threads: (readers / 2).max(2),
            synchronous: Synchronous::Full,
            cache_kib: 16_000,
            busy_timeout: Duration::from_secs(5),
            queue_jobs_max: 4096,
            batch_jobs_max: 512,
            batch_bytes_max: 8 * 1024 * 1024,
            scans_waiting_max: 1024,
            checkpoint_pages: 4000,
        }
    }
}
