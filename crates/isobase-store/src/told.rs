//! The answer to the write of a document.

use std::sync::Arc;

use isobase_engine::{Action, WriteBatch};
use isobase_types::CollectionName;

use crate::schema::{FieldRules, Schema};

/// What is told of the document that a batch of one operation writes.
pub(crate) struct Told {
    pub(crate) collection: CollectionName,
    pub(crate) rules: Arc<FieldRules>,
    /// Its body as it was sent; `None` of a patch.
    pub(crate) sent: Option<String>,
    /// The same as the engine was given it.
    pub(crate) prepared: Option<String>,
}

impl Told {
    /// Of a batch as it was sent; `None` where documents are shown as they are sent.
    pub(crate) fn of(batch: &WriteBatch, schemas: &[(CollectionName, Schema)]) -> Option<Self> {
        let [operation] = batch.operations.as_slice() else { return None };
        let (_, schema) = schemas.iter().find(|(name, _)| *name == operation.collection)?;
        let (rules, collection) = (Arc::clone(schema.rules()?), operation.collection.clone());
        Some(Self { collection, rules, sent: body_of(batch), prepared: None })
    }

    /// The same with the batch as the engine is given it.
    pub(crate) fn prepared(self, batch: &WriteBatch) -> Self {
        Self { prepared: body_of(batch), ..self }
    }
}

/// The body in a batch of one operation.
fn body_of(batch: &WriteBatch) -> Option<String> {
    match &batch.operations.first()?.action {
        Action::Create { body } | Action::Put { body, .. } => Some(body.clone()),
        Action::Patch { .. } | Action::Delete { .. } => None,
    }
}
