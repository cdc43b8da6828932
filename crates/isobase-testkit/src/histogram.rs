//! Latencies in buckets that grow with the value.

use std::time::Duration;

/// Durations are told apart to 1 %.
const SIGNIFICANT_DIGITS: u8 = 2;
/// About 18 minutes; longer ones count as that.
const LONGEST_NS: u64 = 1 << 40;

/// Counts durations in constant memory (about 35 KiB) and constant time.
#[derive(Clone, Debug)]
pub struct Histogram(hdrhistogram::Histogram<u64>);

impl Default for Histogram {
    fn default() -> Self {
        let counts = hdrhistogram::Histogram::new_with_bounds(1, LONGEST_NS, SIGNIFICANT_DIGITS);
        Self(counts.expect("these bounds make a histogram"))
    }
}

impl Histogram {
    /// Counts one duration.
    pub fn record(&mut self, duration: Duration) {
        self.0.saturating_record(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Adds what `other` has counted.
    pub fn merge(&mut self, other: &Self) {
        self.0.add(&other.0).expect("all histograms have the same bounds");
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The mean, to 1 %; zero when nothing was counted.
    pub fn mean(&self) -> Duration {
        Duration::from_nanos(self.0.mean() as u64)
    }

    /// The longest, at most 1 % too high; zero when nothing was counted.
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.0.max())
    }

    /// The duration that the share `quantile` (0 to 1) does not pass, at most 1 % too high; zero
    /// when nothing was counted.
    pub fn quantile(&self, quantile: f64) -> Duration {
        Duration::from_nanos(self.0.value_at_quantile(quantile).min(self.0.max()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: Duration, micros: f64) {
        let got = got.as_secs_f64() * 1e6;
        assert!((got / micros - 1.0).abs() < 0.011, "{got} for {micros}");
    }

    #[test]
    fn quantiles_are_close() {
        let mut histogram = Histogram::default();
        for micros in 1..=10_000 {
            histogram.record(Duration::from_micros(micros));
        }
        for (quantile, micros) in [(0.5, 5_000.0), (0.99, 9_900.0), (1.0, 10_000.0)] {
            close(histogram.quantile(quantile), micros);
        }
        close(histogram.max(), 10_000.0);
        close(histogram.mean(), 5_000.5);
    }

    #[test]
    fn an_empty_one_answers_zero() {
        assert_eq!(Histogram::default().quantile(0.99), Duration::ZERO);
        assert_eq!(Histogram::default().mean(), Duration::ZERO);
    }

    #[test]
    fn a_day_counts_as_the_longest() {
        let mut histogram = Histogram::default();
        histogram.record(Duration::from_secs(86_400));
        close(histogram.max(), LONGEST_NS as f64 / 1e3);
    }

    #[test]
    fn merging_adds_up() {
        let mut one = Histogram::default();
        let mut two = Histogram::default();
        one.record(Duration::from_millis(1));
        two.record(Duration::from_millis(3));
        one.merge(&two);
        assert_eq!(one.count(), 2);
        close(one.max(), 3_000.0);
    }
}
