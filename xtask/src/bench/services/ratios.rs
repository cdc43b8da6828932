//! Figures beside what they are compared with, and their targets.

use std::fmt;

use anyhow::{Result, bail};

/// Which side of its bound a ratio must be on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Target {
    AtLeast(f64),
    AtMost(f64),
}

#[derive(Debug)]
struct Ratio {
    name: String,
    /// What was measured, and what it is compared with, as they are shown.
    figures: (String, String),
    ratio: f64,
    target: Target,
}

/// All ratios of a run.
#[derive(Debug, Default)]
pub(super) struct Ratios(Vec<Ratio>);

impl Target {
    fn is_met(self, ratio: f64) -> bool {
        match self {
            Self::AtLeast(bound) => ratio >= bound,
            Self::AtMost(bound) => ratio <= bound,
        }
    }
}

impl Ratios {
    /// Adds requests a second.
    pub(super) fn rate(&mut self, name: &str, (measured, beside): (f64, f64), target: Target) {
        let shown = |rate: f64| format!("{rate:.0}/s");
        self.add(name, (measured, beside), (shown(measured), shown(beside)), target);
    }

    /// Adds times in seconds.
    pub(super) fn time(&mut self, name: &str, (measured, beside): (f64, f64), target: Target) {
        let shown = |seconds: f64| format!("{:.2} ms", seconds * 1e3);
        self.add(name, (measured, beside), (shown(measured), shown(beside)), target);
    }

    fn add(
        &mut self,
        name: &str,
        (measured, beside): (f64, f64),
        figures: (String, String),
        target: Target,
    ) {
        let ratio = measured / beside.max(f64::MIN_POSITIVE);
        self.0.push(Ratio { name: name.to_owned(), figures, ratio, target });
    }

    /// # Errors
    /// When a target is missed.
    pub(super) fn check(&self) -> Result<()> {
        let missed: Vec<_> = self.0.iter().filter(|it| !it.target.is_met(it.ratio)).collect();
        match missed.is_empty() {
            true => Ok(()),
            false => bail!(
                "missed: {}",
                missed.iter().map(|it| it.name.as_str()).collect::<Vec<_>>().join(", ")
            ),
        }
    }
}

impl fmt::Display for Ratios {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| what | measured | beside | ratio | target |")?;
        writeln!(f, "|---|--:|--:|--:|--:|")?;
        for Ratio { name, figures: (measured, beside), ratio, target } in &self.0 {
            let bound = match target {
                Target::AtLeast(bound) => format!("≥ {bound}"),
                Target::AtMost(bound) => format!("≤ {bound}"),
            };
            let missed = if target.is_met(*ratio) { "" } else { " missed" };
            writeln!(f, "| {name} | {measured} | {beside} | {ratio:.2} | {bound}{missed} |")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_target_is_an_error_that_names_it() {
        let mut ratios = Ratios::default();
        ratios.rate("ingest", (30.0, 100.0), Target::AtLeast(0.3));
        ratios.time("page", (0.02, 0.002), Target::AtMost(10.0));
        assert!(ratios.check().is_ok());
        ratios.time("chart", (0.021, 0.002), Target::AtMost(10.0));
        assert_eq!(ratios.check().unwrap_err().to_string(), "missed: chart");
        assert!(
            ratios.to_string().contains("| chart | 21.00 ms | 2.00 ms | 10.50 | ≤ 10 missed |")
        );
    }
}
