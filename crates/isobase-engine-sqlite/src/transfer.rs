//! Reading and loading everything.

use std::{collections::HashMap, sync::Arc, sync::atomic::Ordering, time::Duration};

use async_trait::async_trait;
use isobase_engine::{
    BulkLoad, CollectionInfo, Counters, EngineError, NotRead, Snapshot, Snapshots, check_note,
    prepare_load,
};
use isobase_sqlite::Database;
use isobase_types::{CollectionName, Document, DocumentId, Sequence};

use crate::{
    SqliteEngine,
    catalogue::{Catalogue, Collection},
    error::engine_error,
    fetch,
    load_jobs::{FinishLoad, Load, MarkLoad, Unload},
    read, schema,
};

/// No one waits for a person here: a part of a snapshot and a place in the queue of the writer
/// may take as long as a busy machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A snapshot is one read transaction on a connection of its own. While it is held the
/// write-ahead log grows by all that is written.
#[async_trait]
impl Snapshots for SqliteEngine {
    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, EngineError> {
        snapshot_of(self.database()).await
    }
}

/// Begins to read everything that a file holds.
pub(crate) async fn snapshot_of(database: &Database) -> Result<Box<dyn Snapshot>, EngineError> {
    let snapshot = database.snapshot().map_err(engine_error)?;
    let seen = snapshot.read(PATIENCE, |connection| {
        let counters = Counters {
            sequence: Sequence(read::counter(connection, "sequence")?),
            last_id: read::counter(connection, "last_id")?.cast_signed(),
        };
        Ok((counters, Catalogue::load(connection)?))
    });
    let (counters, catalogue) = seen.await.map_err(engine_error)?;
    let infos = catalogue.collections();
    let seen = SqliteSnapshot { snapshot, counters, by_name: catalogue.by_name, infos };
    Ok(Box::new(seen) as Box<dyn Snapshot>)
}

struct SqliteSnapshot {
    snapshot: isobase_sqlite::Snapshot,
    counters: Counters,
    by_name: HashMap<CollectionName, Arc<Collection>>,
    infos: Vec<CollectionInfo>,
}

#[async_trait]
impl Snapshot for SqliteSnapshot {
    fn is_of_one_moment(&self) -> bool {
        true
    }

    fn counters(&self) -> Counters {
        self.counters
    }

    async fn collections(&mut self) -> Result<Vec<CollectionInfo>, EngineError> {
        Ok(self.infos.clone())
    }

    async fn not_read(&mut self) -> Result<Vec<NotRead>, EngineError> {
        let found = self.snapshot.read(PATIENCE, schema::other_tables).await;
        let found = found.map_err(engine_error)?.into_iter();
        Ok(found.map(|name| NotRead::new(name, "another program's table")).collect())
    }

    async fn read(
        &mut self,
        collection: &CollectionName,
        after: Option<&DocumentId>,
        bytes_max: usize,
    ) -> Result<Vec<Document>, EngineError> {
        let Some(collection) = self.by_name.get(collection) else { return Ok(Vec::new()) };
        if collection.documents.load(Ordering::Acquire) == 0 {
            return Ok(Vec::new());
        }
        let (id, after) = (collection.id, after.cloned());
        let part = move |connection: &_| fetch::part(connection, id, after, bytes_max);
        self.snapshot.read(PATIENCE, part).await.map_err(engine_error)
    }
}

/// Each call is one transaction of the writer or shares one with its neighbours. The log carries
/// every page twice, but a file that is killed during a load is sound and holds all that was
/// answered.
#[async_trait]
impl BulkLoad for SqliteEngine {
    async fn unfinished(&self) -> Result<Option<String>, EngineError> {
        self.database().read_inline(read::unfinished).map_err(engine_error)
    }

    async fn mark(&self, note: &str) -> Result<(), EngineError> {
        check_note(note)?;
        self.submit_within(MarkLoad(note.to_owned()), PATIENCE).await?;
        self.loading.begin(note);
        Ok(())
    }

    async fn load(
        &self,
        collection: &CollectionName,
        documents: Vec<Document>,
    ) -> Result<(), EngineError> {
        let documents = prepare_load(self, collection, documents)?;
        let job = Load { collection: collection.clone(), documents };
        self.submit_within(job, PATIENCE).await
    }

    async fn unload(
        &self,
        collection: &CollectionName,
        ids: &[DocumentId],
    ) -> Result<(), EngineError> {
        let job = Unload { collection: collection.clone(), ids: ids.to_vec() };
        self.submit_within(job, PATIENCE).await
    }

    /// The planner needs no statistics: every statement has one index that serves it.
    async fn finish(&self, counters: Counters) -> Result<(), EngineError> {
        self.submit_within(FinishLoad(counters), PATIENCE).await?;
        self.loading.end();
        self.waiting.wake();
        Ok(())
    }

    fn leave(&self, note: &str) {
        self.loading.leave(note);
    }
}
