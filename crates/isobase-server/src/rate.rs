//! How often somebody may do something.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, RandomState},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::time::Instant;

/// Most names that are remembered. Ours: about half a mebibyte. When there are more, those that
/// have asked for nothing lately are forgotten, and when that is not enough, all.
const NAMES_MAX: usize = 16_384;

/// A bucket of tokens for each name: so many at once, and as many again in a minute.
pub(crate) struct Rate {
    per_minute: f64,
    hasher: RandomState,
    buckets: Mutex<HashMap<u64, Bucket>>,
}

struct Bucket {
    left: f64,
    at: Instant,
}

impl Rate {
    pub(crate) fn new(per_minute: u32) -> Self {
        Self {
            per_minute: f64::from(per_minute),
            hasher: RandomState::new(),
            buckets: Mutex::default(),
        }
    }

    /// Whether a name has anything left; else how long it must wait.
    pub(crate) fn check(&self, name: &impl Hash) -> Result<(), Duration> {
        self.spend(name, 0.0)
    }

    /// Takes one; else says how long the name must wait.
    pub(crate) fn take(&self, name: &impl Hash) -> Result<(), Duration> {
        self.spend(name, 1.0)
    }

    fn spend(&self, name: &impl Hash, cost: f64) -> Result<(), Duration> {
        let (key, now) = (self.hasher.hash_one(name), Instant::now());
        let mut buckets = self.buckets.lock();
        if buckets.len() >= NAMES_MAX && !buckets.contains_key(&key) {
            buckets.retain(|_, bucket| now.duration_since(bucket.at) < Duration::from_secs(60));
            if buckets.len() >= NAMES_MAX {
                buckets.clear();
            }
        }
        let bucket = buckets.entry(key).or_insert(Bucket { left: self.per_minute, at: now });
        let grown = now.duration_since(bucket.at).as_secs_f64() / 60.0 * self.per_minute;
        bucket.left = (bucket.left + grown).min(self.per_minute);
        bucket.at = now;
        if bucket.left < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - bucket.left) / self.per_minute * 60.0));
        }
        bucket.left -= cost;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn as_many_as_allowed_and_then_one_after_another() {
        let rate = Rate::new(60);
        for _ in 0..60 {
            assert_eq!(rate.take(&"a"), Ok(()));
        }
        assert_eq!(rate.take(&"b"), Ok(()));
        let wait = rate.take(&"a").unwrap_err();
        assert_eq!(rate.check(&"a"), Err(wait));
        tokio::time::advance(wait + Duration::from_millis(1)).await;
        assert_eq!(rate.take(&"a"), Ok(()));
        assert!(rate.take(&"a").is_err());
        tokio::time::advance(Duration::from_secs(3_600)).await;
        for _ in 0..60 {
            assert_eq!(rate.take(&"a"), Ok(()));
        }
        assert!(rate.take(&"a").is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn many_names_do_not_fill_memory() {
        let rate = Rate::new(1);
        for name in 0..3 * NAMES_MAX {
            assert_eq!(rate.take(&name), Ok(()));
        }
        assert!(rate.buckets.lock().len() <= NAMES_MAX);
    }
}
