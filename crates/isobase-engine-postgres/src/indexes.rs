//! Indexes that are declared.

use isobase_engine::{EngineError, ErrorKind, IndexDefinition, IndexInfo, Indexes, Pending};
use isobase_types::CollectionName;

use crate::{
    PostgresEngine,
    error::engine_error,
    index_jobs::{DeclareIndex, Declared, DropIndex, FillIndex, Filled},
};

impl Indexes for PostgresEngine {
    fn indexes<'a>(&'a self, collection: &'a CollectionName) -> Pending<'a, Vec<IndexInfo>> {
        Box::pin(async move {
            let deadline = self.read_deadline();
            let lane = self.lanes.connection(deadline).await.map_err(engine_error)?;
            let Some(id) = self.collection_id(&lane, collection, deadline).await? else {
                return Ok(Vec::new());
            };
            let indexes = self.fresh_indexes(&lane, deadline).await?;
            let declared = indexes.declared(id).filter(|index| !index.definition.is_age());
            Ok(declared.map(|index| index.info()).collect())
        })
    }

    fn indexed_collections(&self) -> Pending<'_, Vec<CollectionName>> {
        Box::pin(self.list_indexed_collections())
    }

    fn create_index<'a>(
        &'a self,
        name: &'a CollectionName,
        definition: &'a IndexDefinition,
    ) -> Pending<'a, IndexInfo> {
        Box::pin(async move {
            let (collection, definition_wanted) = (name.clone(), definition.clone());
            let job = DeclareIndex { collection, definition: definition_wanted };
            let Declared { collection, index, is_ready } = self.writer.special(job).await?;
            let mut after = (!is_ready).then(Vec::new);
            while let Some(done) = after {
                let job = FillIndex { collection, index, after: done };
                after = match self.writer.special(job).await? {
                    Filled::UpTo(id) => Some(id),
                    Filled::Whole => None,
                    Filled::Duplicates(duplicates) => {
                        duplicates.refuse(name, definition)?;
                        let message = "the index was dropped: values were equal for a moment";
                        return Err(EngineError::new(ErrorKind::Unavailable, message));
                    }
                };
            }
            let state = isobase_engine::IndexState::Ready;
            Ok(IndexInfo { definition: definition.clone(), state })
        })
    }

    fn drop_index<'a>(
        &'a self,
        collection: &'a CollectionName,
        definition: &'a IndexDefinition,
    ) -> Pending<'a, bool> {
        let (collection, definition) = (collection.clone(), definition.clone());
        Box::pin(self.writer.special(DropIndex { collection, definition }))
    }
}
