//! How far long work has come: a bar on a terminal, lines of JSON when they were asked for.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use crate::print::{Printer, is_dumb, is_terminal};

/// How often lines are printed.
const LINE_EVERY: Duration = Duration::from_secs(1);

/// How far long work has come.
pub(crate) struct Progress {
    bar: ProgressBar,
    printer: Printer,
    verb: &'static str,
    started: Instant,
    /// When a line was printed last.
    last_line: Instant,
}

/// The unit of the bar's position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Total {
    /// Bytes of a file; `None` if its size is not known.
    Bytes(Option<u64>),
    /// Records; `None` if their number is not known.
    Records(Option<u64>),
}

impl Progress {
    /// Starts the clock. `verb` says what is done: `import`.
    pub(crate) fn start(printer: Printer, verb: &'static str, total: Total) -> Self {
        let shown = is_terminal() && !is_dumb() && !printer.quiet && !printer.json;
        let target =
            if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let length = match total {
            Total::Bytes(length) | Total::Records(length) => length,
        };
        let bar = ProgressBar::with_draw_target(length, target);
        bar.set_style(style(total));
        let now = Instant::now();
        Self { bar, printer, verb, started: now, last_line: now }
    }

    /// Says how much there is, once it is known.
    pub(crate) fn set_total(&self, total: u64) {
        if self.bar.length() != Some(total) {
            self.bar.set_length(total);
            self.bar.set_style(style(Total::Records(Some(total))));
        }
    }

    /// Shows something else than a rate.
    pub(crate) fn show(&self, message: String) {
        self.bar.set_message(message);
        self.bar.tick();
    }

    /// Shows how far it is: the position of the bar, and the records done.
    pub(crate) fn set(&mut self, position: u64, records: u64) {
        self.bar.set_position(position);
        let rate = per_second(records, self.started.elapsed());
        self.bar.set_message(format!("{} records, {}/s", thousands(records), thousands(rate)));
        if self.printer.json && self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            self.printer.json_line(&json!({
                "event": "progress",
                "command": self.verb,
                "records": records,
                "position": position,
                "total": self.bar.length(),
                "records_per_second": rate,
            }));
        }
    }

    /// Says why nothing moves.
    pub(crate) fn waiting(&self, reason: &str) {
        if self.bar.is_hidden() {
            self.printer.note(&format!("waiting: {reason}"));
        } else {
            self.bar.set_message(format!("waiting: {reason}"));
        }
    }

    /// Removes the bar, and returns the time since the start.
    pub(crate) fn end(&self) -> Duration {
        self.bar.finish_and_clear();
        self.started.elapsed()
    }
}

fn style(total: Total) -> ProgressStyle {
    let template = match total {
        Total::Bytes(Some(_)) => "{bar:30} {percent:>3}%  {bytes}/{total_bytes}  {msg}  {eta} left",
        Total::Bytes(None) => "{spinner} {bytes}  {msg}",
        Total::Records(Some(_)) => "{bar:30} {percent:>3}%  {msg}  {eta} left",
        Total::Records(None) => "{spinner} {msg}",
    };
    // The templates above are tested; a wrong one shows the plain bar.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Records per second, rounded.
pub(crate) fn per_second(records: u64, elapsed: Duration) -> u64 {
    let millis = elapsed.as_millis().max(1);
    u64::try_from(u128::from(records) * 1000 / millis).unwrap_or(u64::MAX)
}

/// `1234567` as `1,234,567`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(thousands(number), text);
        }
    }

    #[test]
    fn every_template_is_sound() {
        for total in [
            Total::Bytes(Some(1)),
            Total::Bytes(None),
            Total::Records(Some(1)),
            Total::Records(None),
        ] {
            let _ = style(total);
        }
        assert_eq!(per_second(500, Duration::from_millis(250)), 2000);
    }
}
