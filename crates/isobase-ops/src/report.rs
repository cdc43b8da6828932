//! The work done.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::{
    CollectionDigest, Control, Event, FilesReport, Lag, PreflightReport, Stage, verify::Comparison,
};

/// The report of a copy.
#[derive(Clone, Debug, Serialize)]
pub struct CopyReport {
    /// The engine that was read.
    pub from_engine: String,
    /// The engine that was written.
    pub to_engine: String,
    /// Documents that are equal on both sides, by collection.
    pub collections: Vec<CollectionReport>,
    /// Their number.
    pub documents: u64,
    /// Documents written by this run.
    pub documents_written: u64,
    /// Bytes of their text.
    pub bytes_written: u64,
    /// Writes of the source that were brought over besides.
    pub changes_replayed: u64,
    /// Documents that were in the target before and stayed.
    pub skipped: u64,
    /// Documents that only the target had, and that were deleted.
    pub deleted: u64,
    /// Documents that the target cannot hold and that were left out.
    pub left_out: PreflightReport,
    /// Indexes declared in the target, as `collection: fields`.
    pub indexes: Vec<String>,
    /// Indexes that the target's engine cannot have.
    pub indexes_left_out: Vec<String>,
    /// Collections of the service that travelled: keys, accounts and others.
    pub system: Vec<String>,
    /// Those that the source has and that stayed behind.
    pub system_left_out: Vec<String>,
    /// Collections whose schemas stayed behind, because only some collections were wanted.
    pub schemas_left_out: Vec<String>,
    /// Uploaded files; `None` when they stay where they are.
    pub files: Option<FilesReport>,
    /// The number added to every revision; 0 when they are as they were.
    pub revisions_moved_by: u64,
    /// The last write of the target.
    pub sequence: u64,
    /// The last integer id given out in the target.
    pub last_id: i64,
    /// Everything in the target is of one moment of the source.
    pub one_moment: bool,
    /// The work went on where an earlier run was cut off.
    pub resumed: bool,
    /// How far the target was behind when the end was asked for; `None` without following.
    pub lag: Option<Lag>,
    /// How long each stage took.
    pub stages: Vec<StageTime>,
    /// How long everything took.
    pub seconds: f64,
    /// Documents written in a second of the load.
    pub documents_per_second: f64,
}

/// A collection that is equal on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CollectionReport {
    /// Its name.
    pub name: String,
    /// Its contents.
    #[serde(flatten)]
    pub digest: CollectionDigest,
}

/// How long a stage took.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct StageTime {
    /// Which one.
    pub stage: Stage,
    /// How long.
    pub seconds: f64,
}

/// The clock of the stages.
pub(crate) struct Stages {
    control: Control,
    started: Instant,
    pub(crate) times: Vec<StageTime>,
}

impl Stages {
    pub(crate) fn new(control: &Control) -> Self {
        Self { control: control.clone(), started: Instant::now(), times: Vec::new() }
    }

    /// Carries out a stage.
    pub(crate) async fn run<T>(&mut self, stage: Stage, work: impl Future<Output = T>) -> T {
        let started = Instant::now();
        self.control.tell(Event::Began(stage));
        let done = work.await;
        let took = started.elapsed();
        self.times.push(StageTime { stage, seconds: took.as_secs_f64() });
        self.control.tell(Event::Ended(stage, took));
        done
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Things done in a second of a stage.
    pub(crate) fn rate(&self, stage: Stage, done: u64) -> f64 {
        let times = self.times.iter().filter(|time| time.stage == stage);
        let seconds: f64 = times.map(|time| time.seconds).sum();
        if seconds > 0.0 { done as f64 / seconds } else { 0.0 }
    }
}

pub(crate) fn collections(comparison: &Comparison) -> Vec<CollectionReport> {
    let report = |(name, digest): (&isobase_types::CollectionName, &CollectionDigest)| {
        CollectionReport { name: name.to_string(), digest: *digest }
    };
    comparison.equal.iter().map(report).collect()
}
