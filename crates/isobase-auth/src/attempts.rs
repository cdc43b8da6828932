//! A bound on attempts.

use std::{collections::HashMap, time::Duration};

use isobase_types::Timestamp;
use parking_lot::{Mutex, MutexGuard};
use sha2::{Digest, Sha256};

/// Most keys remembered; beyond it the one with the oldest window is forgotten.
const KEYS_MAX: usize = 10_000;

/// Counts attempts per key in windows of time. Memory is bounded.
#[derive(Debug)]
pub(crate) struct Attempts {
    max: u32,
    window: Duration,
    /// Written and read by every attempt.
    keys: Mutex<HashMap<Key, Window>>,
}

/// A hash of what is counted: texts of callers may be long.
type Key = [u8; 16];

#[derive(Clone, Copy, Debug)]
struct Window {
    since: Timestamp,
    attempts: u32,
}

/// An attempt that is under way. Its drop gives it back, unless it counts: one that was cut off has
/// told no one anything.
#[derive(Debug)]
pub(crate) struct Attempt<'a> {
    attempts: &'a Attempts,
    key: &'a [&'a str],
    counts: bool,
}

impl Attempt<'_> {
    /// It has failed.
    pub(crate) fn count(mut self) {
        self.counts = true;
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.counts {
            self.attempts.give_back(self.key);
        }
    }
}

impl Attempts {
    /// At most `max` attempts of one key in one window.
    pub(crate) fn new(max: u32, window: Duration) -> Self {
        Self { max, window, keys: Mutex::default() }
    }

    /// Counts an attempt.
    ///
    /// # Errors
    /// How long the key must wait when it has had all its attempts.
    pub(crate) fn take(&self, key: &[&str], now: Timestamp) -> Result<(), Duration> {
        let mut keys = self.keys();
        let key = key_of(key);
        if keys.len() >= KEYS_MAX && !keys.contains_key(&key) {
            self.forget_oldest(&mut keys, now);
        }
        let window = keys.entry(key).or_insert(Window { since: now, attempts: 0 });
        if self.left(*window, now).is_none() {
            *window = Window { since: now, attempts: 0 };
        }
        if window.attempts >= self.max {
            return Err(self.left(*window, now).unwrap_or_default());
        }
        window.attempts += 1;
        Ok(())
    }

    /// Counts an attempt for as long as it is under way; see [`Attempt::count`].
    ///
    /// # Errors
    /// As [`Attempts::take`].
    pub(crate) fn attempt<'a>(
        &'a self,
        key: &'a [&'a str],
        now: Timestamp,
    ) -> Result<Attempt<'a>, Duration> {
        self.take(key, now)?;
        Ok(Attempt { attempts: self, key, counts: false })
    }

    /// Takes back an attempt that succeeded, or was not looked at.
    pub(crate) fn give_back(&self, key: &[&str]) {
        if let Some(window) = self.keys().get_mut(&key_of(key)) {
            window.attempts = window.attempts.saturating_sub(1);
        }
    }

    /// How long a window lasts yet; `None` when it is over. A clock that was set back ends it.
    fn left(&self, window: Window, now: Timestamp) -> Option<Duration> {
        let past =
            u64::try_from(now.unix_us - window.since.unix_us).ok().map(Duration::from_micros)?;
        self.window.checked_sub(past).filter(|left| !left.is_zero())
    }

    fn forget_oldest(&self, keys: &mut HashMap<Key, Window>, now: Timestamp) {
        keys.retain(|_, window| self.left(*window, now).is_some());
        if keys.len() < KEYS_MAX {
            return;
        }
        if let Some(oldest) =
            keys.iter().min_by_key(|(_, window)| window.since).map(|(key, _)| *key)
        {
            keys.remove(&oldest);
        }
    }

    /// A panic while the lock was held leaves a map that is as good as any.
    fn keys(&self) -> MutexGuard<'_, HashMap<Key, Window>> {
        self.keys.lock()
    }
}

fn key_of(parts: &[&str]) -> Key {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let mut key = Key::default();
    key.copy_from_slice(&hasher.finalize()[..16]);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(60);

    fn at(seconds: i64) -> Timestamp {
        Timestamp { unix_us: seconds * 1_000_000 }
    }

    #[test]
    fn a_key_has_its_attempts_in_each_window() {
        let attempts = Attempts::new(3, WINDOW);
        for _ in 0..3 {
            assert_eq!(attempts.take(&["a"], at(100)), Ok(()));
        }
        assert_eq!(attempts.take(&["a"], at(130)), Err(Duration::from_secs(30)));
        assert_eq!(attempts.take(&["a", ""], at(130)), Ok(()));
        attempts.give_back(&["a"]);
        assert_eq!(attempts.take(&["a"], at(131)), Ok(()));
        assert_eq!(attempts.take(&["a"], at(160)), Ok(()));
        assert_eq!(attempts.take(&["a"], at(50)), Ok(()));
    }

    #[test]
    fn remembered_keys_are_bounded() {
        let attempts = Attempts::new(1, WINDOW);
        for number in 0..KEYS_MAX + 5 {
            let name = number.to_string();
            let second = i64::try_from(number / 1_000).unwrap();
            assert_eq!(attempts.take(&[&name], at(second)), Ok(()));
        }
        assert_eq!(attempts.keys().len(), KEYS_MAX);
        let last = (KEYS_MAX + 4).to_string();
        assert!(attempts.take(&[&last], at(10)).is_err());
        assert_eq!(attempts.take(&["new"], at(1_000)), Ok(()));
        assert_eq!(attempts.keys().len(), 1);
    }
}
