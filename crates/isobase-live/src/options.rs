//! Bounds on listeners.

use std::time::Duration;

/// Bounds on listeners. Every bound has a default that suits a small machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveOptions {
    /// A listener to which nothing else was told for so long gets a `ping`. Default 30 s.
    pub ping: Duration,
    /// Most events that wait for one listener; one more and all of them are left out, and it is
    /// told so. Default 1,024.
    pub queue_events_max: usize,
    /// The same in bytes. One event may be larger. Default 256 KiB.
    pub queue_bytes_max: usize,
    /// Most changes that are looked through for a listener that comes back. Default 10,000.
    pub replay_max: u32,
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self {
            ping: Duration::from_secs(30),
            queue_events_max: 1_024,
            queue_bytes_max: 256 << 10,
            replay_max: 10_000,
        }
    }
}
