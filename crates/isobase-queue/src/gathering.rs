//! How long a task waits for more jobs before it begins with those that are there.

use std::time::Duration;

use tokio::time::Instant;

/// The longest wait, whatever a group takes.
const WAIT_MAX: Duration = Duration::from_millis(10);
/// Where a group takes less than four times this long, waiting costs more than another group.
const WAIT_MIN: Duration = Duration::from_millis(1);

/// Lets callers who were just answered ask again, so that they are written together: the first
/// of them to come back would otherwise be written alone, and all others wait for that.
#[derive(Debug, Default)]
pub struct Gathering {
    /// Jobs of the last group.
    jobs: usize,
    until: Option<Instant>,
}

impl Gathering {
    /// A group of so many jobs was answered now, which took so long to write.
    pub fn answered(&mut self, jobs: usize, took: Duration) {
        let wait = (took / 4).min(WAIT_MAX);
        let waits = jobs > 1 && wait >= WAIT_MIN;
        *self = Self { jobs, until: waits.then(|| Instant::now() + wait) };
    }

    /// Until when to wait for more than so many jobs; none when there is nothing to wait for.
    #[must_use]
    pub fn until(&self, jobs: usize) -> Option<Instant> {
        self.until.filter(|until| jobs < self.jobs && Instant::now() < *until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn those_who_were_answered_are_waited_for() {
        let mut gathering = Gathering::default();
        assert_eq!(gathering.until(1), None);
        gathering.answered(8, Duration::from_millis(20));
        assert_eq!(gathering.until(7), Some(Instant::now() + Duration::from_millis(5)));
        assert_eq!(gathering.until(8), None);
        tokio::time::advance(Duration::from_millis(5)).await;
        assert_eq!(gathering.until(1), None, "they do not come");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_where_it_does_not_pay() {
        let mut gathering = Gathering::default();
        gathering.answered(8, Duration::from_millis(3));
        assert_eq!(gathering.until(1), None, "another group takes as long");
        gathering.answered(1, Duration::from_secs(1));
        assert_eq!(gathering.until(0), None, "there was only one");
        gathering.answered(8, Duration::from_secs(1));
        assert_eq!(gathering.until(1), Some(Instant::now() + WAIT_MAX));
    }
}
