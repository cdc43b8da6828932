//! Declared indexes, and those that the store makes for references.

use isobase_engine::{EngineError, ErrorKind, IndexDefinition, IndexInfo};
use isobase_types::{CollectionName, Direction, FieldPath, Order, OrderField};

use crate::{Store, StoreError, schema::Referring};

impl Store {
    /// The declared indexes of a collection.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn indexes(&self, collection: &CollectionName) -> Result<Vec<IndexInfo>, StoreError> {
        self.refuse_reserved(collection)?;
        Ok(self.engine.indexes(collection).await?)
    }

    /// Declares an index and builds it; answers when it is ready.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn create_index(
        &self,
        collection: &CollectionName,
        definition: &IndexDefinition,
    ) -> Result<IndexInfo, StoreError> {
        self.refuse_reserved(collection)?;
        self.declare_index(collection, definition).await
    }

    /// Values of documents that have expired and are not deleted yet keep no index from being
    /// unique.
    pub(crate) async fn declare_index(
        &self,
        collection: &CollectionName,
        definition: &IndexDefinition,
    ) -> Result<IndexInfo, StoreError> {
        let declared = self.engine.create_index(collection, definition).await;
        let is_refused = declared.as_ref().is_err_and(|error| error.kind == ErrorKind::NotUnique);
        if !is_refused || !self.engine.expiring().contains(collection) {
            return Ok(declared?);
        }
        isobase_engine::sweep_collection(&*self.engine, collection).await?;
        Ok(self.engine.create_index(collection, definition).await?)
    }

    /// Deletes an index; says whether there was one.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn drop_index(
        &self,
        collection: &CollectionName,
        definition: &IndexDefinition,
    ) -> Result<bool, StoreError> {
        self.refuse_reserved(collection)?;
        let dropped = self.engine.drop_index(collection, definition).await?;
        self.forget_indexed();
        Ok(dropped)
    }

    /// Makes the index of a field, unless it is there or the engine has none.
    pub(crate) async fn index_field(
        &self,
        from: &CollectionName,
        field: &FieldPath,
    ) -> Result<(), StoreError> {
        let key = (from.clone(), field.clone());
        if self.indexed.lock().contains(&key) {
            return Ok(());
        }
        let (path, direction) = (field.clone(), Direction::Ascending);
        let order = Order(vec![OrderField { path, direction }]);
        let definition = IndexDefinition::new(order)
            .map_err(|error| EngineError::new(ErrorKind::Unexpected, error.to_string()))?;
        self.engine.create_index(from, &definition).await?;
        self.indexed.lock().insert(key);
        Ok(())
    }

    /// Makes the indexes by which documents that refer to others are found.
    pub(crate) async fn index_references(
        &self,
        references: &[Referring],
    ) -> Result<(), StoreError> {
        for Referring { from, reference } in references {
            self.index_field(from, &reference.field).await?;
        }
        Ok(())
    }

    /// Looks for the indexes of references again: without its index a document counts as referred
    /// to, and another process may have dropped it.
    pub(crate) fn forget_indexed(&self) {
        self.indexed.lock().clear();
    }
}
