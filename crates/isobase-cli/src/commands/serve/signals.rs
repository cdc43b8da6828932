//! The signals that stop the service.

use anyhow::Result;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::print::{Printer, exit};

/// The number of the signal of a terminal that was closed, everywhere.
const SIGHUP: u32 = 1;

/// The exit code when a second signal ends the process at once: 128 and the number of SIGINT.
const EXIT_AT_ONCE: i32 = 130;

/// A token that the first signal cancels. The second one ends the process.
pub(super) fn stop_on_signal(printer: Printer) -> Result<CancellationToken> {
    let token = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = match is_ignored(SIGHUP) {
        // As nohup has it: the service outlives its terminal.
        true => None,
        false => Some(signal(SignalKind::hangup())?),
    };
    let stop = token.clone();
    tokio::spawn(async move {
        next_signal(&mut terminate, &mut interrupt, hangup.as_mut()).await;
        tracing::info!("stopping: requests may finish");
        stop.cancel();
        next_signal(&mut terminate, &mut interrupt, hangup.as_mut()).await;
        printer.note("stopped at once; what was answered is stored");
        exit(EXIT_AT_ONCE);
    });
    Ok(token)
}

async fn next_signal(terminate: &mut Signal, interrupt: &mut Signal, hangup: Option<&mut Signal>) {
    let hung_up = async {
        match hangup {
            Some(hangup) => hangup.recv().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        _ = hung_up => {}
    }
}

/// Whether a signal was ignored when the process began. Where that cannot be asked it counts as
/// ignored: to handle it would undo what `nohup` did. Source: proc(5), `SigIgn`.
fn is_ignored(signal: u32) -> bool {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return true };
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_none_or(|mask| mask & (1 << (signal - 1)) != 0)
}
