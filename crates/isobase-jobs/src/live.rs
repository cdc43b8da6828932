//! How far a job is, while it runs.

use std::{sync::Arc, time::Instant};

use isobase_ops::{Control, Event, Progress};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

/// How far a job is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// The work under way: `writing`, `verifying`.
    pub stage: String,
    /// The collection it is at.
    pub collection: Option<String>,
    /// Documents done in this stage.
    pub documents: u64,
    /// Documents of this stage, where that is known.
    pub documents_total: Option<u64>,
    /// Bytes of their text; of an import those of the file.
    pub bytes: u64,
    /// Bytes of the file that is imported.
    #[serde(default)]
    pub bytes_total: Option<u64>,
    /// How fast it goes.
    pub rate: Option<Rate>,
}

/// How fast a stage goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// Documents in a second, since the stage began.
    pub documents_per_second: f64,
    /// Seconds to the end of the stage, where its size is known.
    pub seconds_left: Option<f64>,
}

/// Where a work tells how far it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Board(Arc<Mutex<Told>>);

#[derive(Debug, Default)]
struct Told {
    live: Live,
    stage_began: Option<Instant>,
}

impl Board {
    /// Follows a work of the crate of operations.
    pub(crate) fn control(&self, stop: CancellationToken) -> Control {
        let board = self.clone();
        Control::new(move |event| board.tell(event), stop)
    }

    /// A stage of work that tells no events.
    pub(crate) fn stage(&self, stage: &str, documents: u64, total: Option<u64>) {
        let mut told = self.0.lock();
        if told.live.stage != stage {
            told.stage_began = Some(Instant::now());
        }
        let (stage, documents_total) = (stage.to_owned(), total);
        told.live = Live { stage, documents, documents_total, ..Live::default() };
    }

    /// How far into a file an import is: documents, bytes and all of those.
    pub(crate) fn file(&self, stage: &str, documents: u64, (bytes, total): (u64, u64)) {
        let mut told = self.0.lock();
        if told.live.stage != stage {
            told.stage_began = Some(Instant::now());
        }
        let (stage, bytes_total) = (stage.to_owned(), Some(total));
        told.live = Live { stage, documents, bytes, bytes_total, ..Live::default() };
    }

    fn tell(&self, event: &Event) {
        let mut told = self.0.lock();
        match event {
            Event::Began(stage) => {
                told.stage_began = Some(Instant::now());
                told.live = Live { stage: stage.verb().to_owned(), ..Live::default() };
            }
            Event::Progress(progress) => {
                let Progress { stage, collection, documents, documents_total, bytes } = progress;
                told.live = Live {
                    stage: stage.verb().to_owned(),
                    collection: collection.as_ref().map(ToString::to_string),
                    documents: *documents,
                    documents_total: *documents_total,
                    bytes: *bytes,
                    bytes_total: None,
                    rate: None,
                };
            }
            _ => {}
        }
    }

    /// How far it is now.
    pub(crate) fn read(&self) -> Live {
        let told = self.0.lock();
        let rate = told.stage_began.and_then(|began| {
            let seconds = began.elapsed().as_secs_f64();
            let done = told.live.documents as f64;
            if done == 0.0 || seconds < 0.1 {
                return None;
            }
            let per_second = done / seconds;
            let left = match (told.live.documents_total, told.live.bytes_total) {
                (Some(total), _) => Some((total as f64 - done).max(0.0) / per_second),
                (None, Some(total)) if told.live.bytes > 0 => {
                    let bytes = told.live.bytes as f64;
                    Some((total as f64 - bytes).max(0.0) / bytes * seconds)
                }
                _ => None,
            };
            Some(Rate { documents_per_second: per_second, seconds_left: left })
        });
        Live { rate, ..told.live.clone() }
    }
}
