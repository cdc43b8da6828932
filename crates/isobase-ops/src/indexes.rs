//! Declared indexes, which travel with the documents.

use std::sync::Arc;

use isobase_engine::{Engine, ErrorKind, IndexDefinition};
use isobase_types::CollectionName;

use crate::{Control, OpsError, again::again, selection::Selection};

/// A declared index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Declared {
    pub(crate) collection: CollectionName,
    pub(crate) definition: IndexDefinition,
}

/// `orders: status,-created_at`, `people: unique(email)`
impl std::fmt::Display for Declared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.collection, self.definition)
    }
}

/// Collections that have declared indexes, also without documents, among those that are wanted.
pub(crate) async fn indexed(
    engine: &Arc<dyn Engine>,
    wanted: &Selection,
) -> Result<Vec<CollectionName>, OpsError> {
    let mut names = engine.indexed_collections().await.map_err(OpsError::source_failed)?;
    names.retain(|name| wanted.has(name));
    Ok(names)
}

/// The indexes of some collections.
pub(crate) async fn declared<'a>(
    engine: &Arc<dyn Engine>,
    collections: impl Iterator<Item = &'a CollectionName>,
) -> Result<Vec<Declared>, OpsError> {
    let mut declared = Vec::new();
    for collection in collections {
        let found = engine.indexes(collection).await.map_err(OpsError::source_failed)?;
        declared.extend(found.into_iter().map(|index| Declared {
            collection: collection.clone(),
            definition: index.definition,
        }));
    }
    Ok(declared)
}

/// The outcome of the indexes.
#[derive(Debug, Default)]
pub(crate) struct Built {
    pub(crate) built: Vec<String>,
    pub(crate) left_out: Vec<String>,
}

/// Declares indexes and builds them. A collection with documents could be had, as the preflight
/// has shown; an `empty` one may have a name that the target cannot have, and then its indexes are
/// left out.
pub(crate) async fn build(
    to: &Arc<dyn Engine>,
    declared: &[Declared],
    empty: &[CollectionName],
    control: &Control,
) -> Result<Built, OpsError> {
    let mut done = Built::default();
    for index in declared {
        if control.is_stopped() {
            return Err(OpsError::Stopped { documents: 0 });
        }
        let (collection, definition) = (&index.collection, &index.definition);
        let what = format!("the index {index}");
        // A new table may take longer than one call.
        let built = again(&what, control.token(), || to.create_index(collection, definition));
        match built.await {
            Err(error) if error.is_temporary() && control.is_stopped() => {
                return Err(OpsError::Stopped { documents: 0 });
            }
            Ok(_) => done.built.push(index.to_string()),
            Err(error)
                if error.kind == ErrorKind::Unsupported
                    || error.kind == ErrorKind::InvalidArgument && empty.contains(collection) =>
            {
                done.left_out.push(index.to_string());
            }
            Err(error) => return Err(OpsError::target_failed(error)),
        }
    }
    Ok(done)
}
