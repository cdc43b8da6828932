//! The index that leads to expired documents.

use isobase_types::CollectionName;

use crate::{EngineError, IndexDefinition, Indexes, Terms};

/// Builds the index by age that a collection needs under its terms, or drops it where documents
/// do not expire.
///
/// # Errors
/// As building and dropping an index.
pub async fn settle_age_index(
    engine: &dyn Indexes,
    collection: &CollectionName,
    terms: Terms,
) -> Result<(), EngineError> {
    let age = IndexDefinition::age();
    match terms.expires {
        Some(_) => engine.create_index(collection, &age).await.map(drop),
        None => engine.drop_index(collection, &age).await.map(drop),
    }
}
