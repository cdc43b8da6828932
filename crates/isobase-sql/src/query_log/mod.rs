//! Which statements ran, how long they took, and which tables they touched.

mod export;
mod statistics;
mod tables;

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, SystemTime},
};

use parking_lot::{Mutex, MutexGuard};

pub use statistics::{Performance, Statistics};

use crate::Value;

/// Statements that a logger keeps with their text. Counts go on beyond it.
const QUERIES_MAX: usize = 10_000;
/// Source: the specification of the toolkit, `QueryLogger(slow_threshold_ms=100)`.
const SLOW_DEFAULT: Duration = Duration::from_millis(100);

/// Notes statements. Shared by those who run them and those who ask.
#[derive(Debug)]
pub struct QueryLogger {
    slow_threshold: Duration,
    noted: Mutex<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    /// The last ones.
    queries: VecDeque<LoggedQuery>,
    /// Of all that were ever noted.
    count: u64,
    slow: u64,
    tables: BTreeMap<String, u64>,
}

/// A statement that ran.
#[derive(Clone, Debug, PartialEq)]
pub struct LoggedQuery {
    /// Its text.
    pub query: String,
    /// Its values.
    pub parameters: Vec<Value>,
    /// In milliseconds.
    pub milliseconds: f64,
    /// When it ended.
    pub at: SystemTime,
}

impl Default for QueryLogger {
    fn default() -> Self {
        Self::new(SLOW_DEFAULT)
    }
}

impl QueryLogger {
    /// A logger that calls a statement slow when it takes longer than this.
    #[must_use]
    pub fn new(slow_threshold: Duration) -> Self {
        Self { slow_threshold, noted: Mutex::default() }
    }

    /// Notes a statement, and warns about a slow one.
    pub fn log_query(&self, query: &str, parameters: &[Value], took: Duration) {
        let milliseconds = took.as_secs_f64() * 1000.0;
        let slow = took > self.slow_threshold;
        if slow {
            // Without the values, which may be secret.
            tracing::warn!("Slow query detected ({milliseconds:.2}ms): {query}");
        }
        let entry = LoggedQuery {
            query: query.to_owned(),
            parameters: parameters.to_vec(),
            milliseconds,
            at: SystemTime::now(),
        };
        let tables = tables::of(query);
        let mut noted = self.noted();
        noted.count += 1;
        noted.slow += u64::from(slow);
        for table in tables {
            *noted.tables.entry(table).or_default() += 1;
        }
        if noted.queries.len() >= QUERIES_MAX {
            noted.queries.pop_front();
        }
        noted.queries.push_back(entry);
    }

    /// The statistics. Times are those of the last 10,000 statements, counts those of all.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let noted = self.noted();
        let times = noted.queries.iter().map(|query| query.milliseconds).collect();
        Statistics {
            count: noted.count,
            table_access: noted.tables.clone(),
            performance: Performance::of(times),
            slow_query_count: noted.slow,
        }
    }

    /// The statements that took longer than this, or than the threshold of the logger.
    #[must_use]
    pub fn slow_queries(&self, threshold: Option<Duration>) -> Vec<LoggedQuery> {
        let threshold = threshold.unwrap_or(self.slow_threshold).as_secs_f64() * 1000.0;
        let noted = self.noted();
        noted.queries.iter().filter(|query| query.milliseconds > threshold).cloned().collect()
    }

    /// The last statements, the oldest first.
    #[must_use]
    pub fn queries(&self) -> Vec<LoggedQuery> {
        self.noted().queries.iter().cloned().collect()
    }

    /// Forgets everything.
    pub fn clear(&self) {
        *self.noted() = Noted::default();
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock()
    }
}
