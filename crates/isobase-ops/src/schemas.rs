//! Schemas of collections, which are documents of a collection of their own.

use std::sync::Arc;

use isobase_engine::Engine;
use isobase_types::{CollectionName, Document, DocumentId};

use crate::OpsError;

/// The collection of the schemas, as the store names it.
const COLLECTION: &str = "isobase_schemas";

/// Whether this is their collection.
pub(crate) fn are_in(name: &CollectionName) -> bool {
    name.as_str() == COLLECTION
}

/// The document with the schema of a collection, if it has one: `collection:NAME`, with the field
/// `schema`, a string.
pub(crate) async fn schema_of(
    from: &Arc<dyn Engine>,
    collection: &CollectionName,
) -> Result<Option<Document>, OpsError> {
    let id = DocumentId::parse(&format!("collection:{collection}"));
    let (Ok(schemas), Ok(id)) = (CollectionName::new(COLLECTION), id) else { return Ok(None) };
    from.get(&schemas, &id).await.map_err(OpsError::source_failed)
}

/// Of some collections those whose schemas are not among what is read; `None` if all are read.
pub(crate) async fn left_out(
    from: &Arc<dyn Engine>,
    wanted: &[CollectionName],
) -> Result<Vec<String>, OpsError> {
    let mut left_out = Vec::new();
    if wanted.iter().any(are_in) {
        return Ok(left_out);
    }
    for name in wanted {
        if schema_of(from, name).await?.is_some() {
            left_out.push(name.to_string());
        }
    }
    Ok(left_out)
}
