//! Many writes past the journal, in large requests of which several run at once: a load of the
//! whole database, and the journal after it.

use std::{collections::HashSet, ops::Range, pin::pin};

use futures_util::{StreamExt, stream};
use googleapis_tonic_google_firestore_v1::google::firestore::v1 as proto;
use isobase_engine::{Counters, EngineError, ErrorKind, Identity};
use isobase_journal::{CatalogueEntry, DocumentWrite, Head, is_purged};
use isobase_types::{CollectionName, Sequence};
use proto::{Write, precondition::ConditionType, structured_query::field_filter::Operator};

use crate::{
    catalogue::entry_fields,
    codec,
    database::FirestoreDatabase,
    fields::Fields,
    head::head_fields,
    journal::{UNFINISHED, corrupted},
    limits::{PARALLEL_REQUESTS, REQUEST_BYTES_MAX, WRITES_MAX},
    query::{NAME, Query},
    size,
    writes::{WriteExt, bookkeeping, delete, last_id, put, token},
};

/// Times a deletion goes over a collection in which documents are changed meanwhile.
const PURGE_PASSES_MAX: u32 = 10;

impl FirestoreDatabase {
    /// Stores documents as they are given, whatever was there.
    pub(crate) async fn load_all(&self, writes: &[DocumentWrite]) -> Result<(), EngineError> {
        let part = async |part: Range<usize>| {
            let _permit = self.bulk_permit().await?;
            let part = &writes[part];
            let write = |place: usize| self.unconditional(&part[place]);
            self.requests.write_each("loading documents", part.len(), write).await
        };
        let parts = self.parts(writes);
        let mut done = pin!(stream::iter(parts).map(part).buffer_unordered(PARALLEL_REQUESTS));
        while let Some(written) = done.next().await {
            // Without conditions each is written, or the first that is not is named.
            written?;
        }
        Ok(())
    }

    /// Writes the note of an unfinished load, or deletes it.
    pub(crate) async fn write_note(&self, note: Option<&str>) -> Result<(), EngineError> {
        let write = || match note {
            Some(note) => vec![put(self.unfinished_name(), note_fields(note))],
            None => vec![delete(self.unfinished_name())],
        };
        let written = self.requests.commit(write).await;
        written.map_err(|failure| failure.into_write_error("noting an unfinished load"))?;
        Ok(())
    }

    /// The note of an unfinished load.
    pub(crate) async fn read_note(&self) -> Result<Option<String>, EngineError> {
        let found = self.requests.document(self.unfinished_name()).await?;
        found.map(|document| note_of(&document.fields)).transpose()
    }

    fn unfinished_name(&self) -> String {
        let names = &self.requests.names;
        names.native_document(&names.journal(), UNFINISHED)
    }

    /// Replaces head and catalogue, and empties the log.
    pub(crate) async fn reset_journal(
        &self,
        counters: Counters,
        catalogue: &[CatalogueEntry],
    ) -> Result<Head, EngineError> {
        let names = &self.requests.names;
        self.empty(&names.bodies()).await?;
        self.empty(&names.log()).await?;
        let old = self.read_head().await?;
        let next = Head {
            commit: old.head.commit + 1,
            sequence: counters.sequence,
            last_id: counters.last_id,
            floor: counters.sequence,
            catalogue: old.head.catalogue + 1,
            identity: Some(Identity::renewed(old.head.identity)),
            author: None,
        };
        for part in catalogue.chunks(WRITES_MAX) {
            let write = |place: usize| {
                let entry: &CatalogueEntry = &part[place];
                let id = names.collection(&entry.collection);
                put(names.native_document(&names.catalogue(), id), entry_fields(entry))
            };
            self.requests.write_each("writing the catalogue", part.len(), write).await?;
        }
        // Only now: a process that is killed before has lost no index.
        let listed: HashSet<_> =
            catalogue.iter().map(|entry| names.collection(&entry.collection)).collect();
        let others = self.entries().await?.into_iter().map(|entry| entry.collection);
        let others: Vec<_> = others
            .map(|collection| names.collection(&collection))
            .filter(|native| !listed.contains(native))
            .collect();
        for part in others.chunks(WRITES_MAX) {
            let write =
                |place: usize| delete(names.native_document(&names.catalogue(), &part[place]));
            self.requests.write_each("writing the catalogue", part.len(), write).await?;
        }
        let token = token();
        let write = || vec![put(self.head_name(), head_fields(&next, &token))];
        let written = self.requests.commit(write).await;
        written.map_err(|failure| failure.into_write_error("writing the head of the journal"))?;
        Ok(self.read_head().await?.head)
    }

    /// Replaces the bookkeeping of documents that are as they were.
    pub(crate) async fn rekey_all(
        &self,
        writes: &[DocumentWrite],
    ) -> Result<Vec<bool>, EngineError> {
        let mut all = Vec::with_capacity(writes.len());
        for part in self.parts(writes) {
            let part = &writes[part];
            let write = |place: usize| self.rekey_of(&part[place]);
            all.extend(self.requests.write_each("rewriting keys", part.len(), write).await?);
        }
        Ok(all)
    }

    /// Only our bookkeeping travels.
    fn rekey_of(&self, write: &DocumentWrite) -> Write {
        let whole = self.write_of(write);
        match (&write.after, whole.current_document.and_then(|held| held.condition_type)) {
            (Some(after), Some(condition)) => {
                bookkeeping(self.name_of(write), &write.key.id, after).under(condition)
            }
            _ => whole,
        }
    }

    /// Parts that one request can hold.
    fn parts(&self, writes: &[DocumentWrite]) -> Vec<Range<usize>> {
        let mut parts = Vec::new();
        let (mut from, mut bytes) = (0, 0);
        for (place, write) in writes.iter().enumerate() {
            let more = size::wire(&self.name_of(write), write);
            if place > from
                && (place - from == WRITES_MAX || bytes + more > REQUEST_BYTES_MAX as u64)
            {
                parts.push(from..place);
                (from, bytes) = (place, 0);
            }
            bytes += more;
        }
        if from < writes.len() {
            parts.push(from..writes.len());
        }
        parts
    }

    /// Deletes the documents of a collection that a deletion of it deleted.
    pub(crate) async fn purge_to(
        &self,
        collection: &CollectionName,
        to: Sequence,
    ) -> Result<(), EngineError> {
        for _ in 0..PURGE_PASSES_MAX {
            if self.purge_once(collection, to).await? {
                return Ok(());
            }
        }
        let message = format!("the documents of '{collection}' are changed while they are deleted");
        Err(EngineError::new(ErrorKind::Unavailable, message))
    }

    /// Goes over a collection; whether every document that is to go is gone. One that was changed
    /// meanwhile may still have to go: its keys may have been rewritten.
    async fn purge_once(
        &self,
        collection: &CollectionName,
        to: Sequence,
    ) -> Result<bool, EngineError> {
        let native = self.requests.names.collection(collection);
        let limit = u32::try_from(WRITES_MAX).unwrap_or(u32::MAX);
        let (mut after, mut all) = (None, true);
        loop {
            let query = self.by_name(&native, after.as_deref()).part(&codec::revision_path());
            let found = self.requests.query(&query.at_most(limit).build(), usize::MAX).await?;
            let mut found = found.documents;
            let is_last = found.len() < WRITES_MAX;
            after = last_id(&found);
            found.retain(|document| is_purged(codec::stamp_of(document), to));
            let write = |place: usize| {
                let document = &found[place];
                let version = document.update_time.unwrap_or_default();
                delete(document.name.clone()).under(ConditionType::UpdateTime(version))
            };
            let what = "deleting the documents of a collection";
            let deleted = self.requests.write_each(what, found.len(), write).await?;
            all &= !deleted.contains(&false);
            if is_last {
                return Ok(all);
            }
        }
    }

    /// Deletes every document of a Firestore collection.
    pub(crate) async fn empty(&self, native: &str) -> Result<(), EngineError> {
        self.delete_found(|| Query::of(native)).await
    }

    /// Deletes what a query finds, page by page, until it finds nothing.
    pub(crate) async fn delete_found(&self, query: impl Fn() -> Query) -> Result<(), EngineError> {
        let limit = u32::try_from(WRITES_MAX * PARALLEL_REQUESTS).unwrap_or(u32::MAX);
        loop {
            let query = query().names().at_most(limit).build();
            let found = self.requests.query(&query, usize::MAX).await?.documents;
            let count = found.len();
            let part = async |part: &[proto::Document]| {
                let _permit = self.bulk_permit().await?;
                let write = |place: usize| delete(part[place].name.clone());
                self.requests.write_each("deleting documents", part.len(), write).await
            };
            let parts = stream::iter(found.chunks(WRITES_MAX)).map(part);
            let mut done = pin!(parts.buffer_unordered(PARALLEL_REQUESTS));
            while let Some(written) = done.next().await {
                written?;
            }
            if count < limit as usize {
                return Ok(());
            }
        }
    }

    /// How many documents each of some collections has.
    pub(crate) async fn counts(
        &self,
        collections: Vec<CollectionName>,
    ) -> Result<Vec<(CollectionName, u64)>, EngineError> {
        let count = async |collection: CollectionName| {
            let native = self.requests.names.collection(&collection);
            let documents = self.requests.count(&Query::of(native).build()).await?;
            Ok((collection, documents))
        };
        let mut counts = Vec::with_capacity(collections.len());
        let mut done = pin!(stream::iter(collections).map(count).buffered(PARALLEL_REQUESTS));
        while let Some(count) = done.next().await {
            counts.push(count?);
        }
        Ok(counts)
    }

    /// The documents of a Firestore collection by name, after one of them.
    pub(crate) fn by_name(&self, native: &str, after: Option<&str>) -> Query {
        let query = Query::of(native).by(NAME, false);
        match after {
            None => query,
            Some(id) => {
                let name = self.requests.names.native_document(native, id);
                query.only(NAME, Operator::GreaterThan, codec::reference(name))
            }
        }
    }
}

fn note_fields(note: &str) -> Fields {
    Fields::from([("note".to_owned(), codec::string(note))])
}

fn note_of(fields: &Fields) -> Result<String, EngineError> {
    let note = fields.get("note").and_then(codec::string_of);
    note.map(str::to_owned).ok_or_else(|| corrupted("isobase_journal/unfinished"))
}
