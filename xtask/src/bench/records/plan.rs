//! How much is measured, and for how long.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use clap::ValueEnum;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(super) enum Scenario {
    /// GET by id.
    Get,
    /// A list of 100 records.
    List,
    /// Durable creates.
    Create,
    /// Four reads for each create.
    Mixed,
    /// A filtered and sorted list of 20 out of 1,000,000.
    Million,
    /// Memory after the start.
    Idle,
    /// Memory while 100,000 records are exported.
    Export,
    /// Time from the start to the first answer, with a file of 1 GB.
    Start,
}

/// Every count and time of a run. Those of a quick run are for a look at the
/// command; their figures say little.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    scenarios: BTreeSet<Scenario>,
    /// In ascending order, each once.
    pub(super) connections: Vec<usize>,
    /// All of it ends after this time, builds not counted.
    pub(super) limit: Duration,
    /// A load and what it is compared with take turns, so many times each.
    pub(super) rounds: u32,
    /// Of each round.
    pub(super) warm_up: Duration,
    pub(super) measure: Duration,
    /// Records for reads, lists and the export.
    pub(super) items: u64,
    /// Records of the large collection.
    pub(super) million: u64,
    /// The page of 20 that is called deep.
    pub(super) deep_page: u64,
    /// The file is filled up to this size before it is started with.
    pub(super) file_bytes: u64,
    pub(super) starts: u32,
}

impl Plan {
    pub(super) fn new(quick: bool, only: &[Scenario], connections: &[u16]) -> Self {
        let all = Scenario::value_variants();
        let scenarios = if only.is_empty() { all } else { only };
        let connections: BTreeSet<usize> = connections.iter().copied().map(usize::from).collect();
        let full = Self {
            scenarios: scenarios.iter().copied().collect(),
            connections: connections.into_iter().collect(),
            limit: Duration::from_secs(600),
            rounds: 2,
            warm_up: Duration::from_millis(400),
            measure: Duration::from_secs(2),
            items: 100_000,
            million: 1_000_000,
            deep_page: 5_000,
            file_bytes: 1 << 30,
            starts: 5,
        };
        if !quick {
            return full;
        }
        Self {
            limit: Duration::from_secs(120),
            warm_up: Duration::from_millis(100),
            measure: Duration::from_millis(400),
            items: 20_000,
            million: 100_000,
            deep_page: 500,
            file_bytes: 200 << 20,
            starts: 3,
            ..full
        }
    }

    pub(super) fn wants(&self, scenario: Scenario) -> bool {
        self.scenarios.contains(&scenario)
    }

    pub(super) fn wants_any(&self, scenarios: &[Scenario]) -> bool {
        scenarios.iter().any(|scenario| self.wants(*scenario))
    }

    /// What one load takes.
    pub(super) fn load(&self) -> Duration {
        (self.warm_up + self.measure) * self.rounds
    }
}

/// The time that is left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    end: Instant,
}

impl Budget {
    pub(super) fn new(limit: Duration) -> Self {
        Self { end: Instant::now() + limit }
    }

    pub(super) fn left(self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_sorted_and_complete() {
        let plan = Plan::new(false, &[], &[64, 1, 64]);
        assert_eq!(plan.connections, [1, 64]);
        assert!(Scenario::value_variants().iter().all(|scenario| plan.wants(*scenario)));
        let plan = Plan::new(true, &[Scenario::Idle], &[1]);
        assert!(plan.wants(Scenario::Idle) && !plan.wants(Scenario::Get));
    }

    #[test]
    fn the_loads_fit_into_the_time() {
        for quick in [false, true] {
            let plan = Plan::new(quick, &[], &[1, 16, 64, 256]);
            // Nine loads for each number of connections, two of them on PostgreSQL too.
            let loads = plan.load() * 11 * u32::try_from(plan.connections.len()).unwrap();
            assert!(loads < plan.limit / 2, "{loads:?}");
            // A fifth of the large collection has the status that is asked for.
            assert!(plan.deep_page * 20 <= plan.million / 5);
        }
    }
}
