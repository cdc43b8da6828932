//! Adding and deleting collections.

use isobase_engine::{EngineError, ErrorKind};
use isobase_sqlite::{
    JobFailure, WriteJob,
    rusqlite::{self, Connection},
};
use isobase_types::{ChangeKind, CollectionName, Kept};
use isobase_writer::Job;

use crate::{
    error::Outcome,
    handler::Handler,
    indexes,
    location::{COLLECTION_ID_MAX, record_key},
    read,
    statements::{Entry, insert_change},
};

/// Deletes all documents of a collection; says how many there were.
pub(crate) struct DeleteCollection(pub(crate) CollectionName);

impl Job for DeleteCollection {
    type Reply = u64;
}

impl WriteJob<Handler> for DeleteCollection {
    fn run(&self, handler: &mut Handler, connection: &Connection) -> Outcome<u64> {
        handler.refuse_while_loaded()?;
        Ok(handler.delete_collection(connection, &self.0)?)
    }
}

impl Handler {
    pub(crate) fn add_collection(
        &mut self,
        connection: &Connection,
        name: &CollectionName,
    ) -> Outcome<usize> {
        if self.working.len() as u64 >= COLLECTION_ID_MAX.unsigned_abs() {
            let message = "the file cannot hold more collections";
            return Err(JobFailure::Refused(EngineError::new(ErrorKind::LimitExceeded, message)));
        }
        connection
            .prepare_cached("INSERT INTO collections (name) VALUES (?1)")?
            .execute([name.as_str()])?;
        Ok(self.working.add(name, connection.last_insert_rowid()))
    }

    fn delete_collection(
        &mut self,
        connection: &Connection,
        name: &CollectionName,
    ) -> rusqlite::Result<u64> {
        let Some(at) = self.working.find(name) else { return Ok(0) };
        let collection = self.working.collection(at);
        let (id, documents) = (collection.id, collection.documents);
        if documents == 0 {
            return Ok(0);
        }
        let expired = self.count_expired(connection, at)?;
        for index in &collection.indexes {
            indexes::delete_entries(connection, index.id)?;
        }
        connection
            .prepare_cached("DELETE FROM records WHERE key >= ?1 AND key < ?2")?
            .execute([record_key(id, 0), record_key(id + 1, 0)])?;
        connection
            .prepare_cached("DELETE FROM named_records WHERE collection = ?1")?
            .execute([id])?;
        self.working.sequence += 1;
        let entry = Entry {
            sequence: self.working.sequence,
            collection: id,
            id: None,
            kind: ChangeKind::CollectionDeleted,
            at: self.now.unix_us,
        };
        if self.terms.of(name).changes {
            insert_change(connection, &entry, &Kept::default())?;
            self.changed.insert(at);
        }
        self.working.set_documents(at, 0);
        Ok(documents.saturating_sub(expired))
    }

    /// Documents of a collection that have expired and are stored still.
    fn count_expired(&self, connection: &Connection, at: usize) -> rusqlite::Result<u64> {
        let collection = self.working.collection(at);
        let Some(cutoff) = self.terms.cutoff(&collection.name, || self.now) else { return Ok(0) };
        let index = collection.indexes.iter().find(|index| index.definition.is_age());
        index.map_or(Ok(0), |index| {
            read::count_expired(connection, read::Expired { cutoff, index: index.id })
        })
    }
}
