//! Shows events of the work, and ends it at a key or signal.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use isobase::ops::{Control, Event, OpsError, Stage};
use parking_lot::Mutex;
use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::failure::{TargetState, failure};
use crate::{
    failure::Failure,
    print::{Printer, exit},
    progress::{Progress, Total, thousands},
};

/// The end of a process that was told twice to stop, as shells write it.
const INTERRUPTED: i32 = 130;

/// A work that is watched.
pub(crate) struct Watch {
    pub(crate) control: Control,
    /// Whether a load is begun in the target. Set by the events of the work.
    begun: Arc<AtomicBool>,
}

impl Watch {
    /// The failure of a work that loads a database.
    pub(crate) fn failure(&self, error: OpsError) -> Failure {
        let begun = self.begun.load(Ordering::Relaxed);
        failure(error, if begun { TargetState::Begun } else { TargetState::Untouched })
    }
}

/// Events become a bar or lines; the first Ctrl-C or SIGTERM stops the work in order, the second
/// one at once.
pub(crate) fn watch(printer: Printer) -> Watch {
    let stop = CancellationToken::new();
    // From here on a signal stops the work in order: the task below may run a little later.
    let signals = Signals::listen();
    tokio::spawn(end_at_a_signal(signals, stop.clone(), printer));
    let shown = Arc::new(Mutex::new(Shown { printer, progress: None }));
    let begun = Arc::new(AtomicBool::new(false));
    let seen = begun.clone();
    let control = Control::new(
        move |event| {
            if begins(event) {
                seen.store(true, Ordering::Relaxed);
            }
            shown.lock().show(event);
        },
        stop,
    );
    Watch { control, begun }
}

/// Whether from here on something is written in the target, or was before.
fn begins(event: &Event) -> bool {
    matches!(event, Event::Resumed { .. } | Event::Began(Stage::Load))
}

async fn end_at_a_signal(mut signals: Signals, stop: CancellationToken, printer: Printer) {
    signals.next().await;
    stop.cancel();
    printer.note("stopping; once more ends at once");
    signals.next().await;
    exit(INTERRUPTED);
}

/// Ctrl-C and SIGTERM.
struct Signals {
    interrupted: Option<Signal>,
    terminated: Option<Signal>,
}

impl Signals {
    /// A signal that cannot be listened to ends the process, as it does without us.
    fn listen() -> Self {
        Self {
            interrupted: signal(SignalKind::interrupt()).ok(),
            terminated: signal(SignalKind::terminate()).ok(),
        }
    }

    async fn next(&mut self) {
        let Self { interrupted, terminated } = self;
        tokio::select! {
            () = one(interrupted) => {}
            () = one(terminated) => {}
        }
    }
}

async fn one(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

struct Shown {
    printer: Printer,
    progress: Option<Progress>,
}

impl Shown {
    fn show(&mut self, event: &Event) {
        match event {
            Event::Began(stage) => {
                let progress = Progress::start(self.printer, stage.verb(), Total::Records(None));
                self.progress = Some(progress);
                if *stage == Stage::Follow {
                    self.printer.note("following; Ctrl-C brings the last writes over and ends");
                }
            }
            Event::Progress(progress) => {
                let Some(shown) = &mut self.progress else { return };
                if let Some(total) = progress.documents_total {
                    shown.set_total(total);
                }
                shown.set(progress.documents, progress.documents);
            }
            Event::Ended(stage, took) => {
                if let Some(progress) = self.progress.take() {
                    progress.end();
                }
                self.line(&json!({
                    "event": "stage", "stage": stage, "seconds": took.as_secs_f64(),
                }));
            }
            Event::Resumed { documents } => {
                let text = format!("resuming after {} documents", thousands(*documents));
                self.printer.note(&text);
                self.line(&json!({"event": "resumed", "documents": documents}));
            }
            Event::Refused(refusal) => {
                self.line(&json!({"event": "refused", "document": refusal}));
            }
            Event::Following(lag) => {
                if let Some(progress) = &self.progress {
                    let changes = thousands(lag.changes);
                    progress.show(format!("{changes} changes behind, {:.1} s", lag.seconds));
                }
                self.line(&json!({"event": "following", "lag": lag}));
            }
            Event::CaughtUp => self.line(&json!({"event": "caught_up"})),
        }
    }

    fn line(&self, value: &serde_json::Value) {
        if self.printer.json {
            self.printer.json_line(value);
        }
    }
}
