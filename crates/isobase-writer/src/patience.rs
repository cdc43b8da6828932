//! How long those who ask wait.

use std::time::Duration;

use tokio::time::Instant;

/// Longer than any process waits.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Until when a caller waits.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a place in the queue.
    pub place: Instant,
    /// For its job to be taken: until then it is given up with nothing written. `None` for a job
    /// that stays in the queue until the writer comes to it.
    pub taken: Option<Instant>,
    /// For the answer to a job that was taken; `None` if the writer keeps a time limit of its own.
    pub answered: Option<Instant>,
}

impl Patience {
    /// Waits so long for a place, and then for the writer.
    #[must_use]
    pub fn for_place(time: Duration) -> Self {
        let now = Instant::now();
        // A wait that no clock can count to the end of is one of a year.
        let place = now.checked_add(time).unwrap_or_else(|| now + FOREVER);
        Self { place, taken: None, answered: None }
    }

    /// Waits so long to be taken, the wait for a place included, and until `answered` for the
    /// answer.
    #[must_use]
    pub fn until(taken: Instant, answered: Instant) -> Self {
        Self { place: taken, taken: Some(taken), answered: Some(answered) }
    }
}
