//! What all scenarios share: the plan, the time that is left, the report.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use isobase_testkit::ProcessUsage;
use isobase_testkit::histogram::Histogram;
use isobase_testkit::load::{self, ClassReport, LoadOptions, Workload};

use super::ceilings::{Ceilings, Driven};
use super::plan::{Budget, Plan, Scenario};
use super::report::{Load, Report};
use super::subject::Server;
use crate::interrupt;

/// Below this the kernel's ticks, usually of 10 ms, make up more than 5 %.
const FINE_CPU: Duration = Duration::from_millis(200);

#[derive(Debug)]
pub(super) struct Bench {
    pub(super) plan: Plan,
    pub(super) budget: Budget,
    pub(super) executable: PathBuf,
    /// For databases; it goes with the run.
    pub(super) folder: PathBuf,
    pub(super) ceilings: Ceilings,
    pub(super) report: Report,
}

/// A load on a server, as tables name it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Task<'a> {
    pub(super) server: Server,
    pub(super) name: &'a str,
    pub(super) connections: usize,
    pub(super) workload: &'a Workload,
}

/// What a load has shown, over all its rounds.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    answered: u64,
    errors: u64,
    elapsed: Duration,
    cpu: Duration,
    client_cpu: Duration,
    /// At the end of the last round.
    resident_bytes: u64,
    pub(super) body_bytes: u64,
    classes: Vec<ClassReport>,
}

impl Bench {
    pub(super) fn new(plan: Plan, executable: PathBuf, folder: &Path, ceilings: Ceilings) -> Self {
        let budget = Budget::new(plan.limit);
        let report = Report::default();
        Self { plan, budget, executable, folder: folder.to_owned(), ceilings, report }
    }

    pub(super) fn finish(self) -> Report {
        self.report
    }

    pub(super) fn wants(&self, scenario: Scenario) -> bool {
        self.plan.wants(scenario)
    }

    /// Whether the large file is needed.
    pub(super) fn wants_scale(&self) -> bool {
        self.plan.wants_any(&[Scenario::Million, Scenario::Export, Scenario::Start])
    }

    /// Runs a part of the benchmark if there is time for it. A part that fails
    /// is noted and does not keep the others from running.
    ///
    /// # Errors
    /// When we are asked to end.
    pub(super) fn step(
        &mut self,
        name: &str,
        needs: Duration,
        step: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        interrupt::check()?;
        let left = self.budget.left();
        if left < needs {
            self.report.left_out.push(format!("{name}: the time is up"));
            return Ok(());
        }
        eprintln!("==> bench: {name} ({} s left)", left.as_secs());
        if let Err(error) = step(self) {
            interrupt::check()?;
            eprintln!("==> bench: {name} failed: {error:#}");
            self.report.failed.push(format!("{name}: {error:#}"));
        }
        Ok(())
    }

    /// Runs loads in turn, several rounds of them: what disturbs one of them for
    /// a while disturbs the others too, and their ratio less.
    pub(super) fn in_turn<const N: usize>(&mut self, tasks: [Task<'_>; N]) -> Result<[Shown; N]> {
        let mut shown = [(); N].map(|()| Shown::default());
        for _ in 0..self.plan.rounds {
            for (task, shown) in tasks.iter().zip(&mut shown) {
                shown.add(self.round(task)?);
            }
        }
        tasks.iter().zip(&shown).for_each(|(task, shown)| self.note(task, shown));
        Ok(shown)
    }

    /// One round of a load: first to warm up, then to measure.
    pub(super) fn round(&self, task: &Task<'_>) -> Result<Shown> {
        let Task { server: Server { address, .. }, connections, workload, .. } = *task;
        let duration = self.plan.warm_up;
        let options = LoadOptions { address, connections, duration, requests_max: None };
        load::run(&options, workload)?;
        observe(task.server, &LoadOptions { duration: self.plan.measure, ..options }, workload)
    }

    /// Notes a load for the report.
    pub(super) fn note(&mut self, task: &Task<'_>, shown: &Shown) {
        let several = shown.classes.len() > 1;
        for ClassReport { name, latency } in &shown.classes {
            self.report.loads.push(Load {
                server: task.server.name.to_owned(),
                name: if several {
                    format!("{}: {name}s", task.name)
                } else {
                    task.name.to_owned()
                },
                connections: Some(task.connections),
                per_second: latency.count() as f64 / shown.elapsed.as_secs_f64(),
                p50: latency.quantile(0.5),
                p99: latency.quantile(0.99),
                cpu: shown.cpu(),
                cpu_is_coarse: shown.cpu < FINE_CPU,
                resident_bytes: Some(shown.resident_bytes),
                client_cpu: Some(shown.client_cpu.as_secs_f64() / shown.answered()),
                errors: shown.errors,
            });
        }
    }

    /// Notes what the bare SQLite driver has done.
    pub(super) fn note_driven(&mut self, name: &str, driven: &Driven) {
        self.report.loads.push(Load {
            server: "bare SQLite".to_owned(),
            name: name.to_owned(),
            connections: None,
            per_second: driven.per_second(),
            p50: driven.p50,
            p99: driven.p99,
            cpu: driven.cpu(),
            cpu_is_coarse: driven.cpu_time < FINE_CPU,
            resident_bytes: None,
            client_cpu: None,
            errors: 0,
        });
    }
}

/// Runs a load once, and reads what the server used meanwhile.
pub(super) fn observe(server: Server, options: &LoadOptions, workload: &Workload) -> Result<Shown> {
    let before = ProcessUsage::of(server.pid)?;
    let report = load::run(options, workload)?;
    let after = ProcessUsage::of(server.pid)?;
    Ok(Shown {
        answered: report.answered(),
        errors: report.errors() + report.failures,
        elapsed: report.elapsed,
        cpu: after.cpu_since(&before),
        client_cpu: report.client_cpu,
        resident_bytes: after.resident_bytes,
        body_bytes: report.body_bytes,
        classes: report.classes,
    })
}

impl Shown {
    /// Adds another round.
    pub(super) fn add(&mut self, round: Self) {
        self.answered += round.answered;
        self.errors += round.errors;
        self.elapsed += round.elapsed;
        self.cpu += round.cpu;
        self.client_cpu += round.client_cpu;
        self.resident_bytes = round.resident_bytes;
        self.body_bytes += round.body_bytes;
        if self.classes.is_empty() {
            self.classes = round.classes;
        } else {
            let both = self.classes.iter_mut().zip(round.classes);
            both.for_each(|(mine, theirs)| mine.latency.merge(&theirs.latency));
        }
    }

    pub(super) fn per_second(&self) -> f64 {
        self.answered() / self.elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// CPU time of the server for one request, in seconds.
    pub(super) fn cpu(&self) -> f64 {
        self.cpu.as_secs_f64() / self.answered()
    }

    /// The share `quantile` of all requests took no longer than this.
    pub(super) fn quantile(&self, quantile: f64) -> Duration {
        let mut all = Histogram::default();
        self.classes.iter().for_each(|class| all.merge(&class.latency));
        all.quantile(quantile)
    }

    /// The p99 of one class.
    pub(super) fn p99_of(&self, class: &str) -> Duration {
        let found = self.classes.iter().find(|report| report.name == class);
        found.map(|report| report.latency.quantile(0.99)).unwrap_or_default()
    }

    /// Never zero: it divides.
    fn answered(&self) -> f64 {
        self.answered.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(micros: u64, count: u64) -> Shown {
        let mut latency = Histogram::default();
        (0..count).for_each(|_| latency.record(Duration::from_micros(micros)));
        Shown {
            answered: count,
            elapsed: Duration::from_secs(1),
            cpu: Duration::from_millis(count),
            resident_bytes: micros,
            classes: vec![ClassReport { name: "read".to_owned(), latency }],
            ..Shown::default()
        }
    }

    #[test]
    fn rounds_add_up() {
        let mut shown = Shown::default();
        shown.add(round(10, 300));
        shown.add(round(20, 100));
        assert_eq!((shown.per_second(), shown.cpu()), (200.0, 0.001));
        // A histogram knows its values to 1/64.
        assert_eq!(shown.quantile(0.75).as_micros(), 10);
        // The upper end of the step that holds 20 µs.
        assert_eq!(shown.p99_of("read"), Duration::from_nanos(20_095));
        assert_eq!((shown.p99_of("write"), shown.resident_bytes), (Duration::ZERO, 20));
    }
}
