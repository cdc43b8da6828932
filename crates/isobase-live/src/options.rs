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
    /// The same in bytes; less where many listen. One event may be larger. Default 256 KiB.
    pub queue_bytes_max: usize,
    /// Most changes that are looked through for a listener that comes back. Default 10,000.
    pub replay_max: u32,
}

/// Bytes that may wait for all listeners together, when many listen: to tell a burst costs the
/// machine as many, and that time is missing elsewhere.
const QUEUED_TOGETHER: usize = 64 << 20;

/// Of which everybody has at least so many.
const QUEUED_EACH_MIN: usize = 16 << 10;

impl LiveOptions {
    /// The bounds where so many listen.
    pub(crate) fn shared_by(self, listeners: usize) -> Self {
        let share = (QUEUED_TOGETHER / listeners.max(1)).max(QUEUED_EACH_MIN);
        Self { queue_bytes_max: self.queue_bytes_max.min(share), ..self }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_shares_its_bytes() {
        let of = |listeners| LiveOptions::default().shared_by(listeners).queue_bytes_max;
        assert_eq!([0, 1, 256].map(of), [256 << 10; 3]);
        assert_eq!([512, 10_000].map(of), [128 << 10, 16 << 10]);
        let small = LiveOptions { queue_bytes_max: 100, ..LiveOptions::default() };
        assert_eq!(small.shared_by(10_000).queue_bytes_max, 100);
    }
}
