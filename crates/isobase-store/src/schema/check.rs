//! The schemas of the collections that one batch writes to.

use isobase_engine::{Current, Others, ProposedWrite, Rejection, WriteCheck};
use isobase_types::{CollectionName, DocumentId, json};

use super::Schema;

/// Travels with a batch; see [`isobase_engine::WriteBatch::checks`].
#[derive(Debug)]
pub(crate) struct SchemaCheck(pub(crate) Vec<(CollectionName, Schema)>);

impl WriteCheck for SchemaCheck {
    fn needs_before(&self) -> bool {
        false
    }

    fn shows(&self, _collection: &CollectionName, _id: &DocumentId, _: Current<'_>) -> bool {
        true
    }

    fn check(&self, write: &ProposedWrite<'_>, _: &mut dyn Others) -> Result<(), Rejection> {
        let Some(body) = write.after else { return Ok(()) };
        match self.0.iter().find(|(name, _)| name == write.collection) {
            // A field `id` that another program has given it is for no schema.
            Some((_, schema)) => schema
                .check(&json::without_own_id(body))
                .map_err(|violations| Rejection::SchemaViolation { violations }),
            None => Ok(()),
        }
    }
}
