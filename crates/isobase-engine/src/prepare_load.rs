//! Documents on their way into an engine.

use isobase_types::{CollectionName, Document};

use crate::{Engine, EngineError, ErrorKind};

/// An engine's first step with documents to load: refuses what it cannot hold, sorts them by
/// their ids, and leaves of several with one id the last.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] names the first document that is refused.
pub fn prepare_load(
    engine: &dyn Engine,
    collection: &CollectionName,
    mut documents: Vec<Document>,
) -> Result<Vec<Document>, EngineError> {
    for document in &documents {
        engine.check_document(collection, Some(&document.id), &document.body).map_err(
            |refused| {
                let message = format!("document {} of {collection}: {refused}", document.id);
                EngineError::new(ErrorKind::InvalidArgument, message)
            },
        )?;
    }
    if !documents.is_sorted_by(|a, b| a.id < b.id) {
        // Stable, so that what came later stands later.
        documents.sort_by(|a, b| a.id.cmp(&b.id));
        documents.dedup_by(|later, earlier| {
            let is_same = later.id == earlier.id;
            if is_same {
                std::mem::swap(later, earlier);
            }
            is_same
        });
    }
    Ok(documents)
}
