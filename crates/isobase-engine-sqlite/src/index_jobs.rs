//! Declaring, filling and dropping indexes.

use isobase_engine::{EngineError, IndexDefinition, IndexState};
use isobase_sqlite::{
    WriteJob,
    rusqlite::{self, Connection},
};
use isobase_types::CollectionName;
use isobase_writer::Job;

use crate::{
    error::Outcome,
    handler::Handler,
    indexes::{self, Fill, Filled},
};

/// Adds an index; says where to begin filling it, `None` if it is ready.
pub(crate) struct DeclareIndex {
    pub(crate) collection: CollectionName,
    pub(crate) definition: IndexDefinition,
}

/// Puts the next documents into an index.
pub(crate) struct FillIndex(pub(crate) Fill);

/// Removes an index; says whether there was one.
pub(crate) struct DropIndex {
    pub(crate) collection: CollectionName,
    pub(crate) definition: IndexDefinition,
}

impl Job for DeclareIndex {
    type Reply = Option<Fill>;
}

impl WriteJob<Handler> for DeclareIndex {
    fn run(&self, handler: &mut Handler, connection: &Connection) -> Outcome<Option<Fill>> {
        handler.refuse_while_loaded()?;
        handler.declare_index(connection, &self.collection, &self.definition)
    }
}

impl Job for FillIndex {
    /// Where to go on, `None` if the index is ready. An error if documents have equal values of a
    /// unique index, which is dropped again then: that is committed, as any reply.
    type Reply = Result<Option<Fill>, EngineError>;
}

impl WriteJob<Handler> for FillIndex {
    fn bytes(&self) -> usize {
        indexes::FILL_BYTES
    }

    fn run(&self, handler: &mut Handler, connection: &Connection) -> Outcome<Self::Reply> {
        handler.refuse_while_loaded()?;
        Ok(handler.fill_index(connection, &self.0)?)
    }
}

impl Job for DropIndex {
    type Reply = bool;
}

impl WriteJob<Handler> for DropIndex {
    fn run(&self, handler: &mut Handler, connection: &Connection) -> Outcome<bool> {
        handler.refuse_while_loaded()?;
        Ok(handler.drop_index(connection, &self.collection, &self.definition)?)
    }
}

impl Handler {
    fn declare_index(
        &mut self,
        connection: &Connection,
        name: &CollectionName,
        definition: &IndexDefinition,
    ) -> Outcome<Option<Fill>> {
        let at = match self.working.find(name) {
            Some(at) => at,
            None => self.add_collection(connection, name)?,
        };
        let collection = self.working.collection(at);
        let known = collection.indexes.iter().find(|index| index.definition == *definition);
        let fill = |index| Fill { collection: name.clone(), index, after: None };
        if let Some(index) = known {
            let building = index.state == IndexState::Building;
            return Ok(building.then(|| fill(index.id)));
        }
        let index = indexes::insert(connection, collection.id, definition)?;
        self.working.add_index(at, index, definition.clone());
        Ok(Some(fill(index)))
    }

    fn fill_index(
        &mut self,
        connection: &Connection,
        fill: &Fill,
    ) -> rusqlite::Result<Result<Option<Fill>, EngineError>> {
        let Some(at) = self.working.find(&fill.collection) else { return Ok(Ok(None)) };
        let collection = self.working.collection(at);
        let Some(index) = collection.indexes.iter().find(|index| index.id == fill.index).cloned()
        else {
            return Ok(Ok(None));
        };
        match indexes::fill(connection, collection.id, &index, fill)? {
            Filled::Whole => {}
            Filled::Part(next) => return Ok(Ok(Some(next))),
            Filled::Duplicates(found) => {
                self.drop_index(connection, &fill.collection, &index.definition)?;
                let refused = found.refuse(&fill.collection, &index.definition);
                return Ok(refused.map(|()| None));
            }
        }
        indexes::set_ready(connection, fill.index)?;
        self.working.index_is_ready(at, fill.index);
        Ok(Ok(None))
    }

    fn drop_index(
        &mut self,
        connection: &Connection,
        name: &CollectionName,
        definition: &IndexDefinition,
    ) -> rusqlite::Result<bool> {
        let Some(at) = self.working.find(name) else { return Ok(false) };
        let collection = self.working.collection(at);
        let known = collection.indexes.iter().find(|index| index.definition == *definition);
        let Some(index) = known.map(|index| index.id) else { return Ok(false) };
        indexes::delete_entries(connection, index)?;
        indexes::delete(connection, index)?;
        self.working.remove_index(at, index);
        Ok(true)
    }
}
