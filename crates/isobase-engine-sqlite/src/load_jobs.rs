//! Loading a whole database.

use isobase_engine::{Counters, Identity};
use isobase_sqlite::{
    JobFailure, WriteJob,
    rusqlite::{self, Connection},
};
use isobase_types::{CollectionName, Document, DocumentId};
use isobase_writer::Job;

use crate::{
    error::Outcome,
    fetch,
    handler::Handler,
    indexes::{self, move_entry},
    load,
    location::Location,
    read,
    statements::{delete, set_counter},
    write::DOCUMENT_OVERHEAD,
};

/// Marks the file as unfinished, with a note.
pub(crate) struct MarkLoad(pub(crate) String);

/// Stores documents as they are. They come in the order of their ids, each once.
pub(crate) struct Load {
    pub(crate) collection: CollectionName,
    pub(crate) documents: Vec<Document>,
}

/// Removes documents that a load has stored.
pub(crate) struct Unload {
    pub(crate) collection: CollectionName,
    pub(crate) ids: Vec<DocumentId>,
}

/// Ends a load: the file is whole, and its feed begins anew.
pub(crate) struct FinishLoad(pub(crate) Counters);

impl Job for MarkLoad {
    type Reply = ();
}

impl WriteJob<Handler> for MarkLoad {
    fn bytes(&self) -> usize {
        self.0.len()
    }

    fn run(&self, handler: &mut Handler, connection: &Connection) -> Outcome<()> {
        load::mark(connection, &self.0)?;
        handler.is_unfinished = true;
        Ok(())
    }
}

impl Job for Load {
    type Reply = ();
}

impl WriteJob<Handler> for Load {
    fn bytes(&self) -> usize {
        self.documents.iter().map(|document| document.body.len() + DOCUMENT_OVERHEAD).sum()
    }

    /// It fails with the disk only.
    fn needs_savepoint(&self) -> bool {
        false
    }

    fn run(&self, handler: &mut Handler, connection: &Connection) -> Outcome<()> {
        handler.load(connection, &self.collection, &self.documents)
    }
}

impl Job for Unload {
    type Reply = ();
}

impl WriteJob<Handler> for Unload {
    fn bytes(&self) -> usize {
        self.ids.len() * DOCUMENT_OVERHEAD
    }

    fn run(&self, handler: &mut Handler, connection: &Connection) -> Outcome<()> {
        Ok(handler.unload(connection, &self.collection, &self.ids)?)
    }
}

impl Job for FinishLoad {
    type Reply = ();
}

impl WriteJob<Handler> for FinishLoad {
    fn run(&self, handler: &mut Handler, connection: &Connection) -> Outcome<()> {
        handler.finish_load(connection, self.0)
    }
}

impl Handler {
    fn load(
        &mut self,
        connection: &Connection,
        name: &CollectionName,
        documents: &[Document],
    ) -> Outcome<()> {
        if documents.is_empty() {
            return Ok(());
        }
        let at = match self.working.find(name) {
            Some(at) => at,
            None => self.add_collection(connection, name)?,
        };
        let collection = self.working.collection(at);
        let added = load::store(connection, collection.id, &collection.indexes, documents)?;
        let count = collection.documents + added;
        self.working.set_documents(at, count);
        let largest = documents.iter().rev().find_map(|document| document.id.counted());
        self.working.last_id = self.working.last_id.max(largest.unwrap_or_default());
        Ok(())
    }

    fn unload(
        &mut self,
        connection: &Connection,
        name: &CollectionName,
        ids: &[DocumentId],
    ) -> rusqlite::Result<()> {
        let Some(at) = self.working.find(name) else { return Ok(()) };
        let collection = self.working.collection(at);
        let mut count = collection.documents;
        for id in ids {
            let Some(before) = fetch::document(connection, collection.id, id)? else { continue };
            delete(connection, &Location::of(collection.id, id))?;
            for index in &collection.indexes {
                move_entry(connection, index, Some((&before).into()), None)?;
            }
            count -= 1;
        }
        self.working.set_documents(at, count);
        Ok(())
    }

    fn finish_load(&mut self, connection: &Connection, counters: Counters) -> Outcome<()> {
        for at in 0..self.working.len() {
            let collection = self.working.collection(at);
            for index in collection.indexes.iter().filter(|index| index.definition.is_unique()) {
                let duplicates = indexes::duplicates(connection, index)?;
                if let Err(error) = duplicates.refuse(&collection.name, &index.definition) {
                    return Err(JobFailure::Refused(error));
                }
            }
        }
        self.working.sequence = self.working.sequence.max(counters.sequence.0);
        self.working.last_id = self.working.last_id.max(counters.last_id);
        self.retained.changes_floor = self.working.sequence;
        set_counter(connection, "changes_floor", self.retained.changes_floor)?;
        let renewed = Identity::renewed(Some(read::identity(connection)?));
        set_counter(connection, "epoch", renewed.epoch)?;
        connection.execute("DELETE FROM changes", [])?;
        connection.execute("DELETE FROM change_bodies", [])?;
        connection.execute("DELETE FROM unfinished", [])?;
        self.is_unfinished = false;
        Ok(())
    }
}
