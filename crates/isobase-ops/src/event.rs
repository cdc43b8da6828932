//! How a caller follows the work, and stops it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use isobase_types::CollectionName;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::Refusal;

/// How often progress is told at most.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// A part of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Looks for documents that other programs wrote into the source.
    Reconcile,
    /// Every document is read and shown to the target.
    Preflight,
    /// An archive is read and its checksums compared.
    Check,
    /// Documents are written.
    Load,
    /// Writes the documents that changed meanwhile.
    CatchUp,
    /// The source is followed.
    Follow,
    /// Both sides are read and compared.
    Verify,
    /// Declared indexes are built.
    Indexes,
    /// The bytes of uploaded files are copied.
    Files,
}

impl Stage {
    /// The work, in a word or two: `copying`.
    #[must_use]
    pub fn verb(self) -> &'static str {
        match self {
            Self::Reconcile => "reconciling",
            Self::Preflight => "checking",
            Self::Check => "reading",
            Self::Load => "writing",
            Self::CatchUp => "catching up",
            Self::Follow => "following",
            Self::Verify => "verifying",
            Self::Indexes => "indexing",
            Self::Files => "copying files",
        }
    }
}

/// How far a stage is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Which stage.
    pub stage: Stage,
    /// The collection it is at.
    pub collection: Option<CollectionName>,
    /// Documents done.
    pub documents: u64,
    /// Documents to do; `None` when no one knows.
    pub documents_total: Option<u64>,
    /// Bytes of their text.
    pub bytes: u64,
}

/// How far the target is behind the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Lag {
    /// Writes of the source that the target does not have yet.
    pub changes: u64,
    /// Age of the oldest of them; 0 when there are none.
    pub seconds: f64,
}

/// Something worth telling while the work goes on.
#[derive(Clone, Debug)]
pub enum Event {
    /// A stage begins.
    Began(Stage),
    /// How far it is; at most ten times a second.
    Progress(Progress),
    /// A stage is over.
    Ended(Stage, Duration),
    /// The work goes on where an earlier one was cut off, after so many documents.
    Resumed {
        /// Documents that were written already.
        documents: u64,
    },
    /// The target cannot hold a document.
    Refused(Refusal),
    /// How far the target is behind, while the source is followed.
    Following(Lag),
    /// The target had everything for a moment.
    CaughtUp,
}

/// Tells events, and asks whether to stop. Cheap to clone.
#[derive(Clone)]
pub struct Control {
    observer: Arc<dyn Fn(&Event) + Send + Sync>,
    stop: CancellationToken,
    /// Whether it is to rest; `None` where no one asks for that.
    pause: Option<watch::Receiver<bool>>,
    /// Milliseconds since `started` at which progress was told last.
    told: Arc<AtomicU64>,
    started: Instant,
}

impl Control {
    /// Tells events to a function, which must not block, and stops when the token is cancelled.
    #[must_use]
    pub fn new(observer: impl Fn(&Event) + Send + Sync + 'static, stop: CancellationToken) -> Self {
        let told = Arc::new(AtomicU64::new(0));
        let (observer, pause) = (Arc::new(observer), None);
        Self { observer, stop, pause, told, started: Instant::now() }
    }

    /// The same, which rests while the value is true. What is under way when that begins is ended
    /// first; what holds the target goes on to be held.
    #[must_use]
    pub fn resting(self, pause: watch::Receiver<bool>) -> Self {
        Self { pause: Some(pause), ..self }
    }

    /// The same listener, and nothing that stops it.
    pub(crate) fn undisturbed(&self) -> Self {
        Self { stop: CancellationToken::new(), pause: None, ..self.clone() }
    }

    pub(crate) fn tell(&self, event: Event) {
        (self.observer)(&event);
    }

    /// Tells progress unless it was told a moment ago.
    pub(crate) fn progress(&self, progress: impl FnOnce() -> Progress) {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let told = self.told.load(Ordering::Relaxed);
        let every = u64::try_from(PROGRESS_EVERY.as_millis()).unwrap_or(u64::MAX);
        if now.saturating_sub(told) >= every {
            self.told.store(now, Ordering::Relaxed);
            self.tell(Event::Progress(progress()));
        }
    }

    /// Whether it is to stop.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Whether it is to rest.
    pub(crate) fn is_resting(&self) -> bool {
        !self.is_stopped() && self.pause.as_ref().is_some_and(|pause| *pause.borrow())
    }

    /// Waits while it is to rest, though not once it is to stop.
    pub(crate) async fn rest(&self) {
        let Some(mut pause) = self.pause.clone().filter(|_| self.is_resting()) else { return };
        tokio::select! {
            // Anyone who could let it go on is gone: it goes on.
            _ = pause.wait_for(|rests| !rests) => {}
            () = self.stop.cancelled() => {}
        }
    }

    pub(crate) fn token(&self) -> &CancellationToken {
        &self.stop
    }

    /// Waits until it is to stop.
    pub(crate) async fn stopped(&self) {
        self.stop.cancelled().await;
    }
}

/// No one listens and nothing stops it.
impl Default for Control {
    fn default() -> Self {
        Self::new(|_| {}, CancellationToken::new())
    }
}
