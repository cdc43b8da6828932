//! Indexes that are declared.

use async_trait::async_trait;
use isobase_engine::{EngineError, ErrorKind, IndexDefinition, IndexInfo, Indexes};
use isobase_types::CollectionName;

use crate::{
    PostgresEngine,
    error::engine_error,
    index_jobs::{DeclareIndex, Declared, DropIndex, FillIndex, Filled},
};

#[async_trait]
impl Indexes for PostgresEngine {
    async fn indexes(&self, collection: &CollectionName) -> Result<Vec<IndexInfo>, EngineError> {
        let deadline = self.read_deadline();
        let lane = self.lanes.connection(deadline).await.map_err(engine_error)?;
        let Some(id) = self.collection_id(&lane, collection, deadline).await? else {
            return Ok(Vec::new());
        };
        let indexes = self.fresh_indexes(&lane, deadline).await?;
        let declared = indexes.declared(id).filter(|index| !index.definition.is_age());
        Ok(declared.map(|index| index.info()).collect())
    }

    async fn indexed_collections(&self) -> Result<Vec<CollectionName>, EngineError> {
        self.list_indexed_collections().await
    }

    async fn create_index(
        &self,
        name: &CollectionName,
        definition: &IndexDefinition,
    ) -> Result<IndexInfo, EngineError> {
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
    }

    async fn drop_index(
        &self,
        collection: &CollectionName,
        definition: &IndexDefinition,
    ) -> Result<bool, EngineError> {
        let (collection, definition) = (collection.clone(), definition.clone());
        self.writer.special(DropIndex { collection, definition }).await
    }
}
