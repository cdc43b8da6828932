//! Bounds on those who watch the log.

use std::time::Duration;

/// How the log is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TailOptions {
    /// How often it is looked for what other processes log. Default 1 s.
    pub every: Duration,
    /// Most entries that wait for one who watches. Default 512.
    pub queue_entries_max: usize,
    /// The same in bytes; one may be larger. Default 1 MiB.
    pub queue_bytes_max: usize,
    /// Most entries that are read for one who comes back. Default 10,000.
    pub replay_max: u32,
    /// How long an entry with a smaller number may become visible after one with a larger, where
    /// pages of the engine are not of one moment. Default 3 s.
    pub settle: Duration,
}

impl Default for TailOptions {
    fn default() -> Self {
        Self {
            every: Duration::from_secs(1),
            queue_entries_max: 512,
            queue_bytes_max: 1 << 20,
            replay_max: 10_000,
            settle: Duration::from_secs(3),
        }
    }
}
