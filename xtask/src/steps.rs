//! Named steps, and what became of them.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::cpu;

/// Runs steps one by one and remembers how they ended.
#[derive(Debug)]
pub(crate) struct Steps {
    title: &'static str,
    done: Vec<Done>,
}

#[derive(Debug)]
struct Done {
    name: String,
    outcome: Outcome,
    took: Duration,
    /// CPU time of the commands that ended during it.
    cpu: Duration,
}

#[derive(Debug)]
enum Outcome {
    Passed,
    /// Not run, and why that is no failure.
    LeftOut(String),
    Failed(anyhow::Error),
}

impl Steps {
    pub(crate) fn new(title: &'static str) -> Self {
        Self { title, done: Vec::new() }
    }

    /// Runs a step; says whether it passed.
    pub(crate) fn run(&mut self, name: &str, step: impl FnOnce() -> Result<()>) -> bool {
        eprintln!("==> {}: {name}", self.title);
        let (start, cpu_before) = (Instant::now(), cpu::of_children());
        let outcome = match step() {
            Ok(()) => Outcome::Passed,
            Err(error) => {
                eprintln!("==> {}: {name} failed: {error:#}", self.title);
                Outcome::Failed(error)
            }
        };
        let passed = matches!(outcome, Outcome::Passed);
        self.done.push(Done {
            name: name.to_owned(),
            outcome,
            took: start.elapsed(),
            cpu: cpu::of_children().saturating_sub(cpu_before),
        });
        passed
    }

    /// Notes that a step is not run.
    pub(crate) fn leave_out(&mut self, name: &str, reason: String) {
        eprintln!("==> {}: {name} NOT RUN: {reason}", self.title);
        let outcome = Outcome::LeftOut(reason);
        self.done.push(Done {
            name: name.to_owned(),
            outcome,
            took: Duration::ZERO,
            cpu: Duration::ZERO,
        });
    }

    /// Prints how all steps ended.
    ///
    /// # Errors
    /// When one failed.
    pub(crate) fn finish(self) -> Result<()> {
        eprintln!("\n==> {}: summary", self.title);
        let mut failed = 0;
        for Done { name, outcome, took, cpu } in &self.done {
            let time = format!("{:.1} s, CPU {:.1} s", took.as_secs_f32(), cpu.as_secs_f32());
            match outcome {
                Outcome::Passed => eprintln!("    ok       {name} ({time})"),
                Outcome::LeftOut(reason) => eprintln!("    NOT RUN  {name}: {reason}"),
                Outcome::Failed(error) => {
                    failed += 1;
                    eprintln!("    FAILED   {name} ({time}): {error:#}");
                }
            }
        }
        if failed > 0 {
            bail!("{}: {failed} of {} steps failed", self.title, self.done.len());
        }
        eprintln!("    passed");
        Ok(())
    }
}
