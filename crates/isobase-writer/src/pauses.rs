//! Pauses between attempts.

use std::time::Duration;

/// Pauses between attempts at the same thing: each up to twice as long as the one before, and
/// shortened at random, so that those who failed together do not come back together.
#[derive(Clone, Debug)]
pub struct Pauses {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Pauses {
    /// The first pause, and the longest.
    #[must_use]
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, next: first }
    }

    /// The next pause: between a quarter of its time and all of it.
    pub fn next_pause(&mut self) -> Duration {
        let whole = self.next;
        self.next = whole.saturating_mul(2).min(self.longest);
        whole.mul_f64(rand::random_range(0.25..=1.0))
    }

    /// Waits for the next pause.
    pub async fn wait(&mut self) {
        tokio::time::sleep(self.next_pause()).await;
    }

    /// Something moved on: the next pause is the first again.
    pub fn restart(&mut self) {
        self.next = self.first;
    }
}
