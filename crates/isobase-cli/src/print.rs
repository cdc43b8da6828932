//! The only place that prints.
//!
//! Results go to standard output; what is said about them goes to standard error.

use std::{
    io::{self, IsTerminal, Write},
    process,
};

use clap::ValueEnum;

use crate::{
    failure::{Failure, Problem},
    standard_error,
};

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How a command speaks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Printer {
    /// Results as JSON.
    pub(crate) json: bool,
    /// Nothing but results and errors.
    pub(crate) quiet: bool,
    colored: bool,
    /// The command changes something: it is not done when its reader leaves.
    changes: bool,
}

const RED: &str = "\x1b[1;31m";
const YELLOW: &str = "\x1b[1;33m";
const CYAN: &str = "\x1b[1;36m";
const BOLD: &str = "\x1b[1m";
const PLAIN: &str = "\x1b[0m";

impl Printer {
    pub(crate) fn new(json: bool, quiet: bool, color: Color) -> Self {
        // https://no-color.org: any value that is not empty.
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let colored = match color {
            Color::Auto => wanted && is_terminal() && !is_dumb(),
            Color::Always => true,
            Color::Never => false,
        };
        Self { json, quiet, colored, changes: false }
    }

    /// For a command that changes a database.
    pub(crate) fn of_changes(self) -> Self {
        Self { changes: true, ..self }
    }

    /// For what is said when everything is done.
    pub(crate) fn after_changes(self) -> Self {
        Self { changes: false, ..self }
    }

    /// Whether standard error may be coloured.
    pub(crate) fn colored(self) -> bool {
        self.colored
    }

    /// A result, whole.
    pub(crate) fn result(self, text: &str) {
        let mut out = io::stdout().lock();
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        match written {
            Err(error) if self.changes && error.kind() == io::ErrorKind::BrokenPipe => {
                standard_error::write_line(
                    "error: nobody reads standard output any more, so the work was ended in its \
                     middle; run the same command again to finish it",
                );
                exit(1);
            }
            written => end_when_nobody_reads(written),
        }
    }

    /// A part of a result, as it is.
    pub(crate) fn bytes(self, bytes: &[u8]) {
        let mut out = io::stdout().lock();
        end_when_nobody_reads(out.write_all(bytes).and_then(|()| out.flush()));
    }

    /// A result of one line.
    pub(crate) fn line(self, text: &str) {
        self.result(&format!("{text}\n"));
    }

    /// A result as one line of JSON.
    pub(crate) fn json_line(self, value: &serde_json::Value) {
        self.line(&value.to_string());
    }

    /// A line of JSON for programs; the work goes on without a reader.
    pub(crate) fn announce(self, value: &serde_json::Value) {
        let mut out = io::stdout().lock();
        let _ = writeln!(out, "{value}").and_then(|()| out.flush());
    }

    /// Says something about the work; as JSON where results are JSON, so that no line is text.
    pub(crate) fn note(self, text: &str) {
        if self.json {
            return self.note_json(&serde_json::json!({ "event": "note", "note": text.trim() }));
        }
        if !self.quiet {
            standard_error::write_line(text);
        }
    }

    /// Says something about the work as a line of JSON.
    pub(crate) fn note_json(self, value: &serde_json::Value) {
        if !self.quiet {
            standard_error::write_line(&value.to_string());
        }
    }

    /// Says something about the work with a bold beginning.
    pub(crate) fn headline(self, bold: &str, rest: &str) {
        let text = format!("{}{rest}", self.paint(BOLD, bold));
        self.note(&text);
    }

    /// Warns, also when quiet was asked for.
    pub(crate) fn warning(self, problem: &Problem) {
        if self.json {
            let Problem { message, hint } = problem;
            let value = serde_json::json!({ "event": "warning", "warning": message, "hint": hint });
            return standard_error::write_line(&value.to_string());
        }
        let hint = problem.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
        let warning = self.paint(YELLOW, "warning:");
        standard_error::write_line(&format!("{warning} {}{hint}", problem.message));
    }

    /// Ends the story: every problem with its way out.
    pub(crate) fn failure(self, failure: &Failure) {
        if self.json {
            for Problem { message, hint } in &failure.problems {
                let value = serde_json::json!({"event": "error", "error": message, "hint": hint});
                standard_error::write_line(&value.to_string());
            }
            return;
        }
        for Problem { message, hint } in &failure.problems {
            standard_error::write_line(&format!("{} {message}", self.paint(RED, "error:")));
            if let Some(hint) = hint {
                standard_error::write_line(&format!("{} {hint}", self.paint(CYAN, "hint:")));
            }
        }
    }

    fn paint(self, style: &str, text: &str) -> String {
        if self.colored { format!("{style}{text}{PLAIN}") } else { text.to_owned() }
    }
}

/// Whether a person reads standard error.
pub(crate) fn is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Whether the terminal understands nothing but text: no colours, and no bar that moves.
pub(crate) fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// A reader that has left (`| head`) is no failure: there is nothing more to do.
pub(crate) fn end_when_nobody_reads(written: io::Result<()>) {
    match written {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => exit(0),
        Err(error) => {
            let message = format!("error: cannot write to standard output: {error}");
            standard_error::write_line(&message);
            exit(1);
        }
    }
}

/// Ends the process with what was said.
pub(crate) fn exit(code: i32) -> ! {
    standard_error::flush();
    process::exit(code)
}
