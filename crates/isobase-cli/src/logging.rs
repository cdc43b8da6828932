//! The log: to standard error, as text for people and as lines of JSON for programs.

use tracing_subscriber::{EnvFilter, fmt, fmt::format::FmtSpan};

use crate::{
    print::{Printer, is_terminal},
    settings::{Loaded, LogFormat, log_filter, log_format},
    standard_error::{self, Log},
};

/// Starts the log of the service, which does not wait for its reader.
pub(crate) fn start(loaded: &Loaded, printer: Printer) {
    standard_error::do_not_wait();
    let builder = fmt()
        .with_env_filter(EnvFilter::new(log_filter(loaded)))
        .with_writer(|| Log)
        // Spans, which are at `debug`, say how long they took.
        .with_span_events(FmtSpan::CLOSE)
        .with_ansi(printer.colored());
    // It can only fail when a log was started before, and this is the one place that does.
    let _ = if printer.json || is_json(loaded) {
        builder.json().flatten_event(true).try_init()
    } else {
        builder.with_target(false).try_init()
    };
}

/// Whether the log is lines of JSON.
fn is_json(loaded: &Loaded) -> bool {
    match log_format(loaded) {
        LogFormat::Auto => !is_terminal(),
        LogFormat::Text => false,
        LogFormat::Json => true,
    }
}

/// Whether somebody asked for lines of JSON and nothing else.
pub(crate) fn is_only_json(loaded: &Loaded) -> bool {
    log_format(loaded) == LogFormat::Json
}

/// Starts the log of a command that prints what it has to say: warnings and errors only.
pub(crate) fn start_for_command(loaded: &Loaded, printer: Printer) {
    let set = log_filter(loaded);
    let filter = if set == "info" { "warn" } else { &set };
    let builder = fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(|| Log)
        .with_target(false)
        .with_ansi(printer.colored());
    // Where results are JSON no line is text.
    let _ = if printer.json {
        builder.json().flatten_event(true).with_current_span(false).try_init()
    } else {
        builder.try_init()
    };
}
