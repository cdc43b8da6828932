//! Numbers over the statements that ran.

use std::{collections::BTreeMap, fmt::Write};

use super::QueryLogger;

/// Tables and slow statements that a summary shows.
const SUMMARY_TABLES: usize = 10;
const SUMMARY_QUERIES: usize = 5;
/// Characters of a statement that a summary shows.
const SUMMARY_TEXT: usize = 100;

/// The statistics of a logger.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statistics {
    /// Statements.
    pub count: u64,
    /// How many statements touched each table.
    pub table_access: BTreeMap<String, u64>,
    /// How long they took.
    pub performance: Performance,
    /// How many were slow.
    pub slow_query_count: u64,
}

/// Times in milliseconds; all zero without a statement.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Performance {
    /// The mean.
    pub avg_time: f64,
    /// The shortest.
    pub min_time: f64,
    /// The longest.
    pub max_time: f64,
    /// The sum.
    pub total_time: f64,
    /// The middle one, or the mean of the two in the middle.
    pub median_time: f64,
    /// The one that 95 of 100 stay below.
    pub p95_time: f64,
}

impl Performance {
    pub(super) fn of(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        let count = times.len();
        let (Some(min_time), Some(max_time)) = (times.first(), times.last()) else {
            return Self::default();
        };
        let total_time: f64 = times.iter().sum();
        let middle = count / 2;
        let median_time = match count % 2 {
            0 => f64::midpoint(times[middle - 1], times[middle]),
            _ => times[middle],
        };
        // The specification's place, in whole numbers.
        let p95_time = times.get(count * 95 / 100).unwrap_or(max_time);
        #[expect(clippy::cast_precision_loss, reason = "no more than 10,000 are kept")]
        let avg_time = total_time / count as f64;
        Self {
            avg_time,
            min_time: *min_time,
            max_time: *max_time,
            total_time,
            median_time,
            p95_time: *p95_time,
        }
    }
}

impl QueryLogger {
    /// The statistics as a text for people.
    #[must_use]
    pub fn summary(&self) -> String {
        let statistics = self.statistics();
        let times = statistics.performance;
        let mut text = String::from("===== Database Query Summary =====\n");
        let _ = writeln!(text, "Total queries: {}", statistics.count);
        let _ = writeln!(text, "Slow queries: {}", statistics.slow_query_count);
        text.push_str("\nPerformance:\n");
        for (name, time) in [
            ("Average", times.avg_time),
            ("Median", times.median_time),
            ("95th percentile", times.p95_time),
            ("Min", times.min_time),
            ("Max", times.max_time),
            ("Total", times.total_time),
        ] {
            let _ = writeln!(text, "  {name}: {time:.2}ms");
        }
        let mut tables: Vec<_> = statistics.table_access.iter().collect();
        tables.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        text.push_str("\nTable access:\n");
        for (table, count) in tables.into_iter().take(SUMMARY_TABLES) {
            let _ = writeln!(text, "  {table}: {count}");
        }
        let mut slow = self.slow_queries(None);
        slow.sort_by(|a, b| b.milliseconds.total_cmp(&a.milliseconds));
        if !slow.is_empty() {
            text.push_str("\nSlowest queries:\n");
        }
        for query in slow.iter().take(SUMMARY_QUERIES) {
            let shown: String = query.query.chars().take(SUMMARY_TEXT).collect();
            let _ = writeln!(text, "  {:.2}ms: {shown}", query.milliseconds);
        }
        text.push_str("==================================");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_stand_at_their_place() {
        let of = |count: u32| Performance::of((1..=count).rev().map(f64::from).collect());
        assert_eq!(of(0), Performance::default());
        assert_eq!(of(20).p95_time, 20.0);
        assert_eq!(of(21).p95_time, 20.0);
        assert_eq!(of(100).p95_time, 96.0);
        let four = of(4);
        assert_eq!((four.median_time, four.avg_time), (2.5, 2.5));
        assert_eq!((four.min_time, four.max_time, four.total_time), (1.0, 4.0, 10.0));
        assert_eq!(of(1).median_time, 1.0);
    }
}
