//! Latencies in buckets that grow with the value.

use std::time::Duration;

/// Buckets for each power of two: a value is known to 1/64, about 1.6 %.
const SUB_BITS: u32 = 6;
const SUB: u64 = 1 << SUB_BITS;
/// Nanoseconds below 2^40, about 18 minutes; longer ones count as that.
const POWERS: u32 = 40;
const BUCKETS: usize = (POWERS - SUB_BITS + 1) as usize * SUB as usize;

/// Counts durations in constant memory (about 18 KiB) and constant time.
#[derive(Clone, Debug)]
pub struct Histogram {
    buckets: Box<[u64]>,
    count: u64,
    sum_ns: u128,
    max_ns: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: vec![0; BUCKETS].into_boxed_slice(), count: 0, sum_ns: 0, max_ns: 0 }
    }
}

impl Histogram {
    /// Counts one duration.
    pub fn record(&mut self, duration: Duration) {
        let ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.buckets[bucket(ns)] += 1;
        self.count += 1;
        self.sum_ns += u128::from(ns);
        self.max_ns = self.max_ns.max(ns);
    }

    /// Adds what `other` has counted.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine += theirs;
        }
        self.count += other.count;
        self.sum_ns += other.sum_ns;
        self.max_ns = self.max_ns.max(other.max_ns);
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The exact mean; zero when nothing was counted.
    pub fn mean(&self) -> Duration {
        let mean = self.sum_ns.checked_div(u128::from(self.count)).unwrap_or(0);
        Duration::from_nanos(u64::try_from(mean).unwrap_or(u64::MAX))
    }

    /// The exact longest; zero when nothing was counted.
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.max_ns)
    }

    /// The duration that the share `quantile` (0 to 1) does not pass, at most
    /// 1/64 too high; zero when nothing was counted.
    pub fn quantile(&self, quantile: f64) -> Duration {
        let rank = (quantile.clamp(0.0, 1.0) * self.count as f64).ceil() as u64;
        let rank = rank.max(1);
        let mut seen = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return Duration::from_nanos(highest(index).min(self.max_ns));
            }
        }
        self.max()
    }
}

fn bucket(ns: u64) -> usize {
    let ns = ns.min((1 << POWERS) - 1);
    if ns < SUB {
        return ns as usize;
    }
    let power = ns.ilog2();
    let shift = power - SUB_BITS;
    let sub = (ns >> shift) - SUB;
    ((u64::from(shift) + 1) * SUB + sub) as usize
}

/// The highest value of a bucket.
fn highest(index: usize) -> u64 {
    let index = index as u64;
    if index < SUB {
        return index;
    }
    let shift = index / SUB - 1;
    ((SUB + index % SUB + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_within_its_bucket() {
        for power in 0..POWERS {
            for ns in [1u64 << power, (1 << power) + 1, (2 << power) - 1] {
                let index = bucket(ns);
                let high = highest(index);
                assert!(high >= ns && high - ns <= ns / SUB, "{ns} in {index} up to {high}");
                assert!(index == 0 || highest(index - 1) < ns);
            }
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_are_close() {
        let mut histogram = Histogram::default();
        for micros in 1..=10_000 {
            histogram.record(Duration::from_micros(micros));
        }
        for (quantile, micros) in [(0.5, 5_000.0), (0.99, 9_900.0), (1.0, 10_000.0)] {
            let got = histogram.quantile(quantile).as_secs_f64() * 1e6;
            assert!((got / micros - 1.0).abs() < 0.02, "{quantile}: {got}");
        }
        assert_eq!(histogram.max(), Duration::from_millis(10));
        assert_eq!(histogram.mean(), Duration::from_nanos(5_000_500));
    }

    #[test]
    fn an_empty_one_answers_zero() {
        assert_eq!(Histogram::default().quantile(0.99), Duration::ZERO);
        assert_eq!(Histogram::default().mean(), Duration::ZERO);
    }

    #[test]
    fn merging_adds_up() {
        let mut one = Histogram::default();
        let mut two = Histogram::default();
        one.record(Duration::from_millis(1));
        two.record(Duration::from_millis(3));
        one.merge(&two);
        assert_eq!((one.count(), one.max()), (2, Duration::from_millis(3)));
    }
}
