//! The schemas of the collections that one batch writes to.

use isobase_engine::{BodyCheck, Violation};
use isobase_types::CollectionName;

use super::Schema;

/// Travels with a batch; see [`isobase_engine::WriteBatch::check`].
#[derive(Debug)]
pub(super) struct SchemaCheck(pub(super) Vec<(CollectionName, Schema)>);

impl BodyCheck for SchemaCheck {
    fn check(&self, collection: &CollectionName, body: &str) -> Result<(), Vec<Violation>> {
        match self.0.iter().find(|(name, _)| name == collection) {
            Some((_, schema)) => schema.check(body),
            None => Ok(()),
        }
    }
}
