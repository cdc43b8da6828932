//! What was measured, as tables and as JSON.

use std::fmt;
use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::machine::Machine;
use super::table;

/// A number and what it counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Quantity {
    PerSecond(f64),
    Seconds(f64),
    Bytes(f64),
}

impl Quantity {
    pub(super) fn time(duration: Duration) -> Self {
        Self::Seconds(duration.as_secs_f64())
    }

    pub(super) fn bytes(bytes: u64) -> Self {
        Self::Bytes(bytes as f64)
    }

    pub(super) fn mebibytes(count: u32) -> Self {
        Self::Bytes(f64::from(count) * f64::from(1 << 20))
    }

    fn number(self) -> f64 {
        match self {
            Self::PerSecond(number) | Self::Seconds(number) | Self::Bytes(number) => number,
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Self::PerSecond(_) => "per_second",
            Self::Seconds(_) => "seconds",
            Self::Bytes(_) => "bytes",
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::PerSecond(number) => write!(f, "{}/s", thousands(number)),
            Self::Seconds(number) if number >= 1.0 => write!(f, "{number:.2} s"),
            Self::Seconds(number) if number >= 0.001 => write!(f, "{:.2} ms", number * 1e3),
            Self::Seconds(number) => write!(f, "{:.1} µs", number * 1e6),
            Self::Bytes(number) => write!(f, "{:.1} MiB", number / f64::from(1 << 20)),
        }
    }
}

fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What a figure ought to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Target {
    /// The figure itself.
    AtMost(Quantity),
    /// The figure divided by its ceiling.
    RatioAtLeast(f64),
    RatioAtMost(f64),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "≤ {most}"),
            Self::RatioAtLeast(least) => write!(f, "≥ {least:.2} ×"),
            Self::RatioAtMost(most) => write!(f, "≤ {most:.2} ×"),
        }
    }
}

/// One figure beside its ceiling.
#[derive(Clone, Debug)]
pub(super) struct Figure {
    pub(super) name: String,
    pub(super) engine: &'static str,
    pub(super) connections: Option<usize>,
    pub(super) value: Quantity,
    /// What it is compared with, in a few words, and how much that is.
    pub(super) ceiling: Option<(String, Quantity)>,
    pub(super) target: Option<Target>,
    pub(super) note: String,
}

impl Figure {
    pub(super) fn new(engine: &'static str, name: impl Into<String>, value: Quantity) -> Self {
        let name = name.into();
        let note = String::new();
        Self { name, engine, connections: None, value, ceiling: None, target: None, note }
    }

    pub(super) fn at(mut self, connections: usize) -> Self {
        self.connections = Some(connections);
        self
    }

    pub(super) fn beside(mut self, ceiling: impl Into<String>, value: Quantity) -> Self {
        self.ceiling = Some((ceiling.into(), value));
        self
    }

    /// The target, where `holds`: most hold for one number of connections only.
    pub(super) fn target(mut self, holds: bool, target: Target) -> Self {
        self.target = holds.then_some(target);
        self
    }

    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    pub(super) fn ratio(&self) -> Option<f64> {
        let (_, ceiling) = self.ceiling.as_ref()?;
        (ceiling.number() > 0.0).then(|| self.value.number() / ceiling.number())
    }

    /// Whether the target is met; nothing without a target, or without the
    /// ceiling that it needs.
    pub(super) fn met(&self) -> Option<bool> {
        match self.target? {
            Target::AtMost(most) => Some(self.value.number() <= most.number()),
            Target::RatioAtLeast(least) => Some(self.ratio()? >= least),
            Target::RatioAtMost(most) => Some(self.ratio()? <= most),
        }
    }

    fn cells(&self) -> Vec<String> {
        let shown = |value: Option<String>| value.unwrap_or_default();
        let met = self.met().map(|met| if met { "yes" } else { "NO" }.to_owned());
        let (ceiling, compared) = match &self.ceiling {
            Some((name, value)) => (value.to_string(), name.clone()),
            None => (String::new(), String::new()),
        };
        vec![
            format!("{}: {}", self.engine, self.name),
            shown(self.connections.map(|count| count.to_string())),
            self.value.to_string(),
            ceiling,
            shown(self.ratio().map(|ratio| format!("{ratio:.2} ×"))),
            shown(self.target.map(|target| target.to_string())),
            shown(met),
            compared,
            self.note.clone(),
        ]
    }

    fn to_json(&self) -> Value {
        let target = self.target.map(|target| match target {
            Target::AtMost(most) => json!({ "value_at_most": most.number() }),
            Target::RatioAtLeast(least) => json!({ "ratio_at_least": least }),
            Target::RatioAtMost(most) => json!({ "ratio_at_most": most }),
        });
        json!({
            "engine": self.engine,
            "name": self.name,
            "connections": self.connections,
            "value": self.value.number(),
            "unit": self.value.unit(),
            "ceiling": self.ceiling.as_ref().map(|(_, value)| value.number()),
            "compared_with": self.ceiling.as_ref().map(|(name, _)| name),
            "ratio": self.ratio(),
            "target": target,
            "met": self.met(),
            "note": self.note,
        })
    }
}

/// All that one load has shown.
#[derive(Clone, Debug)]
pub(super) struct Load {
    /// What answered: an engine, or the bare library.
    pub(super) server: String,
    pub(super) name: String,
    /// `None` if there is no server.
    pub(super) connections: Option<usize>,
    pub(super) per_second: f64,
    pub(super) p50: Duration,
    pub(super) p99: Duration,
    /// Of the server, per request.
    pub(super) cpu: f64,
    /// The server used so little CPU time that the kernel's ticks show.
    pub(super) cpu_is_coarse: bool,
    pub(super) resident_bytes: Option<u64>,
    /// Of the client, per request.
    pub(super) client_cpu: Option<f64>,
    /// Answers that were errors, and connections that broke.
    pub(super) errors: u64,
}

impl Load {
    fn cells(&self) -> Vec<String> {
        let coarse = if self.cpu_is_coarse { "~" } else { "" };
        let shown = |value: Option<Quantity>| value.map(|value| value.to_string());
        vec![
            format!("{}: {}", self.server, self.name),
            self.connections.map(|count| count.to_string()).unwrap_or_default(),
            Quantity::PerSecond(self.per_second).to_string(),
            Quantity::time(self.p50).to_string(),
            Quantity::time(self.p99).to_string(),
            format!("{coarse}{}", Quantity::Seconds(self.cpu)),
            shown(self.resident_bytes.map(Quantity::bytes)).unwrap_or_default(),
            shown(self.client_cpu.map(Quantity::Seconds)).unwrap_or_default(),
            if self.errors > 0 { format!("{} ERRORS", self.errors) } else { String::new() },
        ]
    }

    fn to_json(&self) -> Value {
        json!({
            "server": self.server,
            "name": self.name,
            "connections": self.connections,
            "per_second": self.per_second,
            "p50_seconds": self.p50.as_secs_f64(),
            "p99_seconds": self.p99.as_secs_f64(),
            "cpu_seconds": self.cpu,
            "cpu_is_coarse": self.cpu_is_coarse,
            "resident_bytes": self.resident_bytes,
            "client_cpu_seconds": self.client_cpu,
            "errors": self.errors,
        })
    }
}

/// Everything a run has shown.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) loads: Vec<Load>,
    pub(super) figures: Vec<Figure>,
    /// Steps that were not measured, and why.
    pub(super) left_out: Vec<String>,
    /// Steps that failed, and why.
    pub(super) failed: Vec<String>,
}

impl Report {
    pub(super) fn to_json(&self, machine: &Machine) -> Value {
        json!({
            "version": 1,
            "machine": machine.to_json(),
            "figures": self.figures.iter().map(Figure::to_json).collect::<Vec<_>>(),
            "loads": self.loads.iter().map(Load::to_json).collect::<Vec<_>>(),
            "left_out": self.left_out,
            "failed": self.failed,
        })
    }

    /// # Errors
    /// When something could not be measured. A missed target is no error.
    pub(super) fn check(&self) -> Result<()> {
        if self.failed.is_empty() {
            return Ok(());
        }
        bail!("not all could be measured: {}", self.failed.join("; "))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let loads: Vec<_> = self.loads.iter().map(Load::cells).collect();
        let headers =
            ["load", "conn.", "requests", "p50", "p99", "server CPU", "resident", "client CPU", ""];
        writeln!(f, "\n## Loads\n\n{}", table::markdown(&headers, &loads))?;
        let figures: Vec<_> = self.figures.iter().map(Figure::cells).collect();
        let headers = [
            "figure",
            "conn.",
            "value",
            "ceiling",
            "ratio",
            "target",
            "met",
            "compared with",
            "note",
        ];
        writeln!(f, "## Ratios and targets\n\n{}", table::markdown(&headers, &figures))?;
        let met: Vec<bool> = self.figures.iter().filter_map(Figure::met).collect();
        let count = met.iter().filter(|met| **met).count();
        writeln!(f, "{count} of {} targets met.", met.len())?;
        for step in &self.left_out {
            writeln!(f, "Not measured: {step}")?;
        }
        for step in &self.failed {
            writeln!(f, "FAILED: {step}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(micros: f64) -> Quantity {
        Quantity::Seconds(micros / 1e6)
    }

    fn load() -> Load {
        Load {
            server: "sqlite".to_owned(),
            name: "get".to_owned(),
            connections: Some(64),
            per_second: 61_234.4,
            p50: Duration::from_micros(950),
            p99: Duration::from_micros(2_512),
            cpu: 10.04e-6,
            cpu_is_coarse: true,
            resident_bytes: Some(20 << 20),
            client_cpu: Some(6e-6),
            errors: 3,
        }
    }

    #[test]
    fn figures_are_compared_with_their_targets() {
        let figure = Figure::new("sqlite", "x", micros(10.0)).beside("bare", micros(5.0));
        let met = |target| figure.clone().target(true, target).met();
        assert_eq!(met(Target::RatioAtMost(2.0)), Some(true));
        assert_eq!(met(Target::RatioAtMost(1.9)), Some(false));
        assert_eq!(met(Target::RatioAtLeast(2.1)), Some(false));
        assert_eq!(met(Target::AtMost(micros(10.0))), Some(true));
        assert_eq!(met(Target::AtMost(micros(9.0))), Some(false));
        let without_target = figure.clone().target(false, Target::RatioAtMost(0.0));
        assert_eq!(without_target.met(), None);
        let without_ceiling = Figure { ceiling: None, ..figure };
        assert_eq!(without_ceiling.target(true, Target::RatioAtMost(2.0)).met(), None);
    }

    #[test]
    fn quantities_have_readable_units() {
        let cases = [
            (Quantity::PerSecond(1_234_567.4), "1,234,567/s"),
            (Quantity::PerSecond(999.5), "1,000/s"),
            (Quantity::PerSecond(12.0), "12/s"),
            (Quantity::Seconds(2.5), "2.50 s"),
            (Quantity::Seconds(0.0123), "12.30 ms"),
            (Quantity::Seconds(0.000_007_04), "7.0 µs"),
            (Quantity::mebibytes(25), "25.0 MiB"),
        ];
        for (quantity, text) in cases {
            assert_eq!(quantity.to_string(), text);
        }
    }

    #[test]
    fn the_report_shows_every_part() {
        let cpu = Figure::new("sqlite", "get, CPU", micros(10.0)).at(64);
        let cpu = cpu.beside("constant answer", micros(6.5)).target(true, Target::RatioAtMost(2.0));
        let slow = Figure::new("sqlite", "get, p99", micros(9.0)).note("so what");
        let slow = slow.target(true, Target::AtMost(micros(8.0)));
        let report = Report {
            loads: vec![load()],
            figures: vec![cpu, slow],
            left_out: vec!["start: the time is up".to_owned()],
            failed: Vec::new(),
        };
        let text = report.to_string();
        for part in [
            "| sqlite: get |    64 | 61,234/s | 950.0 µs | 2.51 ms |   ~10.0 µs | 20.0 MiB |     6.0 µs | 3 ERRORS |",
            "| sqlite: get, CPU |    64 | 10.0 µs |  6.5 µs | 1.54 × | ≤ 2.00 × | yes | constant answer |         |",
            "| sqlite: get, p99 |       |  9.0 µs |         |        | ≤ 8.0 µs | NO  |                 | so what |",
            "1 of 2 targets met.",
            "Not measured: start: the time is up",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        // A missed target is no failure.
        assert!(report.check().is_ok());
    }

    #[test]
    fn json_has_the_numbers_themselves() {
        let figure = Figure::new("sqlite", "get", micros(10.0)).beside("bare", micros(5.0));
        let json = figure.target(true, Target::RatioAtMost(2.5)).to_json();
        assert_eq!(json["ratio"], 2.0);
        assert_eq!(json["met"], true);
        assert_eq!(json["unit"], "seconds");
        assert_eq!(json["target"]["ratio_at_most"], 2.5);
        assert_eq!(load().to_json()["resident_bytes"], 20 << 20);
    }

    #[test]
    fn a_failed_step_fails_the_run() {
        let failed = vec!["get: no answer".to_owned()];
        let error = Report { failed, ..Report::default() }.check().unwrap_err();
        assert!(error.to_string().contains("get: no answer"));
    }
}
