//! How long a writer waits for more jobs before it begins with those that are there.

use std::time::Duration;

use tokio::time::Instant;

/// The longest wait, whatever a group takes.
const WAIT_MAX: Duration = Duration::from_millis(10);
/// Where a group takes less than four times this long, waiting costs more than another group.
const WAIT_MIN: Duration = Duration::from_millis(1);

/// Lets callers who were just answered ask again, so that they are written together: the first
/// of them to come back would otherwise be written alone, and all others wait for that.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    /// Jobs of the last group.
    jobs: usize,
    until: Option<Instant>,
}

impl Gathering {
    /// A group of so many jobs was answered now, which took so long to write.
    pub(crate) fn answered(&mut self, jobs: usize, took: Duration) {
        let wait = (took / 4).min(WAIT_MAX);
        let waits = jobs > 1 && wait >= WAIT_MIN;
        *self = Self { jobs, until: waits.then(|| Instant::now() + wait) };
    }

    /// Until when to wait for more than so many jobs; `None` if there is nothing to wait for.
    pub(crate) fn until(&self, jobs: usize) -> Option<Instant> {
        self.until.filter(|until| jobs < self.jobs && Instant::now() < *until)
    }
}
