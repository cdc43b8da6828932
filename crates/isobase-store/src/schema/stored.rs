//! A schema as a document of the database.

use std::borrow::Cow;

use isobase_engine::{EngineError, ErrorKind};
use isobase_types::{CollectionName, Document, DocumentId, FieldPath, json::find};

use super::Schema;

/// The collection whose documents are schemas: `{"collection":"agents","schema":"{…}"}` under
/// the id `collection:agents`. The schema is a string, so that every engine holds it unchanged.
///
/// A store never shows or changes it as a collection. What reads a whole database (a copy) finds
/// it among the collections of the engine.
pub const SCHEMAS_COLLECTION: &str = "isobase_schemas";

/// A name may be a number or begin with `_`; with the prefix every name is an id.
pub(super) fn id_of(collection: &CollectionName) -> DocumentId {
    DocumentId::Text(format!("collection:{collection}").into())
}

pub(super) fn read(document: &Document) -> Option<Schema> {
    Schema::parse(text_of(document)?.as_bytes()).ok()
}

/// The text of a stored schema.
pub(super) fn text_of(document: &Document) -> Option<Cow<'_, str>> {
    find(&document.body, &FieldPath::parse("schema").ok()?)?.as_str_decoded()
}

/// The collection of a stored schema.
pub(super) fn name_of(document: &Document) -> Option<CollectionName> {
    let name = find(&document.body, &FieldPath::parse("collection").ok()?)?.as_str_decoded()?;
    CollectionName::new(&name).ok()
}

pub(super) fn unreadable(collection: &CollectionName) -> EngineError {
    let reason = match cfg!(feature = "schemas") {
        true => "cannot be read; set it again",
        false => "needs a program that was built with the feature \"schemas\"",
    };
    let message = format!("the stored schema of the collection {collection:?} {reason}");
    EngineError::new(ErrorKind::Corrupted, message)
}
