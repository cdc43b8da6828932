//! What all scenarios share: the plan, the time that is left, the report.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use isobase_testkit::ProcessUsage;
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

/// What one load has shown, its classes together.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) per_second: f64,
    /// CPU time of the server, per request.
    pub(super) cpu: f64,
    pub(super) p50: Duration,
    pub(super) p99: Duration,
    pub(super) classes: Vec<ClassReport>,
    pub(super) body_bytes: u64,
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

    /// Notes what the bare SQLite driver has done.
    pub(super) fn note_driven(&mut self, name: &str, driven: &Driven) {
        self.report.loads.push(Load {
            server: "bare SQLite".to_owned(),
            name: name.to_owned(),
            connections: None,
            per_second: driven.per_second,
            p50: driven.p50,
            p99: driven.p99,
            cpu: driven.cpu,
            cpu_is_coarse: false,
            resident_bytes: None,
            client_cpu: None,
            errors: 0,
        });
    }

    /// Runs a load, first to warm up and then to measure.
    pub(super) fn load(
        &mut self,
        server: Server,
        name: &str,
        connections: usize,
        workload: &Workload,
    ) -> Result<Shown> {
        let address = server.address;
        let duration = self.plan.warm_up;
        let options = LoadOptions { address, connections, duration, requests_max: None };
        load::run(&options, workload)?;
        let options = LoadOptions { duration: self.plan.measure, ..options };
        self.load_once(server, name, &options, workload)
    }

    /// Runs a load as it is given.
    pub(super) fn load_once(
        &mut self,
        server: Server,
        name: &str,
        options: &LoadOptions,
        workload: &Workload,
    ) -> Result<Shown> {
        let before = ProcessUsage::of(server.pid)?;
        let report = load::run(options, workload)?;
        let after = ProcessUsage::of(server.pid)?;
        let cpu = after.cpu_since(&before);
        let answered = report.answered().max(1) as f64;
        let (seconds, errors) = (report.elapsed.as_secs_f64(), report.errors() + report.failures);
        let several = report.classes.len() > 1;
        for class in &report.classes {
            let latency = &class.latency;
            self.report.loads.push(Load {
                server: server.name.to_owned(),
                name: if several { format!("{name}: {}s", class.name) } else { name.to_owned() },
                connections: Some(options.connections),
                per_second: latency.count() as f64 / seconds,
                p50: latency.quantile(0.5),
                p99: latency.quantile(0.99),
                cpu: cpu.as_secs_f64() / answered,
                cpu_is_coarse: cpu < FINE_CPU,
                resident_bytes: Some(after.resident_bytes),
                client_cpu: Some(report.client_cpu.as_secs_f64() / answered),
                errors,
            });
        }
        let latency = report.latency();
        Ok(Shown {
            per_second: report.rate(),
            cpu: cpu.as_secs_f64() / answered,
            p50: latency.quantile(0.5),
            p99: latency.quantile(0.99),
            classes: report.classes,
            body_bytes: report.body_bytes,
        })
    }
}

impl Shown {
    /// The p99 of one class.
    pub(super) fn p99_of(&self, class: &str) -> Duration {
        let found = self.classes.iter().find(|report| report.name == class);
        found.map(|report| report.latency.quantile(0.99)).unwrap_or_default()
    }
}
