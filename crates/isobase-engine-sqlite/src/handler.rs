//! The state of the writer thread, from batch to batch.

use std::{collections::BTreeSet, sync::Arc};

use arc_swap::ArcSwap;
use isobase_engine::{AllTerms, EngineError, Keeping, Loading, SteadyTime, Waiting, being_loaded};
use isobase_sqlite::{
    JobFailure, WriteHandler,
    rusqlite::{self, Connection, params},
};
use isobase_types::{Sequence, Timestamp};

use crate::{
    catalogue::Catalogue,
    error::Outcome,
    journal::{Mark, Working},
    read,
    retention::{Retained, Retention},
    statements::set_counter,
};

/// Messages between the writer and the rest of the engine.
#[derive(Clone, Default)]
pub(crate) struct Told {
    pub(crate) loading: Arc<Loading>,
    pub(crate) waiting: Arc<Waiting>,
    pub(crate) keeping: Arc<Keeping>,
    pub(crate) terms: Arc<AllTerms>,
}

/// The state of the writer thread.
pub(crate) struct Handler {
    pub(crate) working: Working,
    /// The state for readers.
    published: Arc<ArcSwap<Catalogue>>,
    /// Whether this process is the one that loads.
    loading: Arc<Loading>,
    /// Those who wait for changes.
    waiting: Arc<Waiting>,
    /// The parts that changes keep of their documents.
    pub(crate) keeping: Arc<Keeping>,
    /// On which terms collections keep their documents.
    pub(crate) terms: Arc<AllTerms>,
    /// Collections that have changes in the batch, by their place among the working ones. May
    /// hold some whose changes were undone.
    pub(crate) changed: BTreeSet<usize>,
    /// The file has the note of a load, and what it was before the batch.
    pub(crate) is_unfinished: bool,
    was_unfinished: bool,
    pub(crate) time: Arc<SteadyTime>,
    pub(crate) retained: Retained,
    /// The moment of the batch.
    pub(crate) now: Timestamp,
    batch: Mark,
    job: Mark,
}

impl Handler {
    pub(crate) fn new(
        connection: &Connection,
        published: Arc<ArcSwap<Catalogue>>,
        told: Told,
        time: Arc<SteadyTime>,
        retention: Retention,
    ) -> rusqlite::Result<Self> {
        let sequence = read::counter(connection, "sequence")?;
        let last_id = read::counter(connection, "last_id")?.cast_signed();
        let working = Working::new(&published.load(), sequence, last_id);
        let mark = working.mark();
        let changes_floor = read::counter(connection, "changes_floor")?;
        let is_unfinished = read::unfinished(connection)?.is_some();
        let Told { loading, waiting, keeping, terms } = told;
        Ok(Self {
            working,
            published,
            loading,
            waiting,
            keeping,
            terms,
            changed: BTreeSet::new(),
            is_unfinished,
            was_unfinished: is_unfinished,
            now: Timestamp::default(),
            time,
            retained: Retained::new(retention, changes_floor),
            batch: mark,
            job: mark,
        })
    }

    /// A file that another process loads takes nothing else.
    pub(crate) fn refuse_while_loaded(&self) -> Outcome<()> {
        if self.is_unfinished && !self.loading.is_here() {
            return Err(JobFailure::Refused(being_loaded(None)));
        }
        Ok(())
    }
}

impl WriteHandler for Handler {
    type Refusal = EngineError;

    fn begin(&mut self, _connection: &Connection) -> rusqlite::Result<()> {
        self.now = self.time.now();
        self.batch = self.working.mark();
        self.changed.clear();
        self.retained.batch_begins();
        self.was_unfinished = self.is_unfinished;
        Ok(())
    }

    fn job_begins(&mut self) {
        self.job = self.working.mark();
    }

    fn job_undone(&mut self) {
        self.working.undo_to(self.job);
    }

    fn before_commit(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        for (collection, documents) in self.working.changed_sizes() {
            connection
                .prepare_cached("UPDATE collections SET documents = ?2 WHERE id = ?1")?
                .execute(params![collection, documents])?;
        }
        set_counter(connection, "sequence", self.working.sequence)?;
        set_counter(connection, "last_id", self.working.last_id.cast_unsigned())?;
        self.retained.trim(connection, self.working.sequence, &self.time)
    }

    fn committed(&mut self) {
        if let Some(catalogue) = self.working.publish() {
            self.published.store(Arc::new(catalogue));
        }
        let (first, last) = (Sequence(self.batch.sequence + 1), Sequence(self.working.sequence));
        let working = &self.working;
        // Collections that an undone job added are there no more.
        let changed = self.changed.iter().filter(|at| **at < working.len());
        self.waiting.committed(first, last, changed.map(|at| &working.collection(*at).name));
    }

    fn rolled_back(&mut self) {
        self.retained.batch_is_undone();
        self.is_unfinished = self.was_unfinished;
        self.working.undo_to(self.batch);
    }
}
