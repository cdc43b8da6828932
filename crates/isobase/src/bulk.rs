//! Many documents with one call.

use std::{collections::HashSet, iter::Peekable};

use futures_util::{StreamExt, TryStreamExt, stream};
use isobase_engine::BATCH_BYTES_MAX;
use isobase_store::{Action, Rejection, WriteOperation, WriteOutcome};
use isobase_types::{CollectionName, DocumentId};
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{
    SavedDocument,
    document::Given,
    document_error::{DocumentError, missing_outcome},
    document_store::{DocumentStore, delete, put, read},
};

/// Documents read at once by [`DocumentStore::get_many`]. Ours: enough to hide the latency of a
/// database far away, few enough to leave room for others.
const READS_AT_ONCE: usize = 16;

/// The outcome of one document of many. Serialises as `{"ok":true,"id":…,"rev":…}` or
/// `{"ok":false,"id":…,"error":…}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BulkOutcome {
    /// It is stored, or gone.
    Done {
        /// Its id.
        id: String,
        /// Its revision; `None` when it was deleted.
        rev: Option<String>,
    },
    /// It was refused; the others were not.
    Failed {
        /// Its id, when it has one.
        id: Option<String>,
        /// Why.
        error: String,
    },
}

impl BulkOutcome {
    /// Whether it was carried out.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        matches!(self, Self::Done { .. })
    }

    fn failed(id: &str, error: impl ToString) -> Self {
        Self::Failed { id: Some(id.to_owned()), error: error.to_string() }
    }
}

impl Serialize for BulkOutcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("ok", &self.is_ok())?;
        match self {
            Self::Done { id, rev } => {
                map.serialize_entry("id", id)?;
                if let Some(rev) = rev {
                    map.serialize_entry("rev", rev)?;
                }
            }
            Self::Failed { id, error } => {
                map.serialize_entry("id", id)?;
                map.serialize_entry("error", error)?;
            }
        }
        map.end()
    }
}

/// As many operations as one batch may have, and bodies that it may store; at least one.
fn next_part(
    operations: &mut Peekable<impl Iterator<Item = WriteOperation>>,
    operations_max: usize,
) -> Vec<WriteOperation> {
    let (mut part, mut bytes) = (Vec::new(), 0);
    while part.len() < operations_max {
        let fits = |next: &WriteOperation| bytes + body_bytes(next) <= BATCH_BYTES_MAX;
        let Some(next) = operations.next_if(|next| part.is_empty() || fits(next)) else { break };
        bytes += body_bytes(&next);
        part.push(next);
    }
    part
}

fn body_bytes(operation: &WriteOperation) -> u64 {
    match &operation.action {
        Action::Put { body, .. } => body.len() as u64,
        // The others are not of many documents.
        _ => 0,
    }
}

/// `missing` says what it means that there is no document.
fn bulk_outcome(
    id: String,
    outcome: WriteOutcome,
    missing: fn(String) -> BulkOutcome,
) -> BulkOutcome {
    match outcome {
        Ok(written) => {
            let deleted = written.kind == isobase_types::ChangeKind::Deleted;
            BulkOutcome::Done { id, rev: (!deleted).then(|| written.revision.to_string()) }
        }
        Err(Rejection::NotFound) => missing(id),
        Err(Rejection::RevisionConflict { .. }) => BulkOutcome::failed(&id, "conflict"),
        Err(rejection) => BulkOutcome::failed(&id, rejection),
    }
}

impl DocumentStore {
    /// Stores many documents, each under its `_id`; one that is refused does not stop the others.
    /// One outcome for each, in their order.
    ///
    /// # Errors
    /// When the database fails; some of the documents may be stored then.
    pub async fn save_many(
        &self,
        db: &str,
        documents: &[impl Serialize],
    ) -> Result<Vec<BulkOutcome>, DocumentError> {
        let collection = CollectionName::new(db)?;
        let read = documents.iter().map(|document| {
            let given = Given::of(document)
                .map_err(|error| BulkOutcome::Failed { id: None, error: error.to_string() })?;
            let Some(id) = given.id.clone() else {
                return Err(BulkOutcome::Failed { id: None, error: "missing _id".to_owned() });
            };
            let parsed = DocumentId::parse(&id).map_err(|error| BulkOutcome::failed(&id, error))?;
            Ok((id, put(&collection, parsed, given)))
        });
        // A save makes what is not there.
        let missing = |id: String| BulkOutcome::failed(&id, missing_outcome());
        self.write_many(read.collect(), missing).await
    }

    /// Deletes many documents. One that is not there counts as done.
    ///
    /// # Errors
    /// As [`DocumentStore::save_many`].
    pub async fn delete_many(
        &self,
        db: &str,
        ids: &[impl AsRef<str>],
    ) -> Result<Vec<BulkOutcome>, DocumentError> {
        let collection = CollectionName::new(db)?;
        let read = ids.iter().map(|id| {
            let id = id.as_ref();
            let parsed = DocumentId::parse(id).map_err(|error| BulkOutcome::failed(id, error))?;
            Ok((id.to_owned(), delete(&collection, parsed)))
        });
        self.write_many(read.collect(), |id| BulkOutcome::Done { id, rev: None }).await
    }

    /// The documents with these ids, in the order of the ids; an id that is asked for twice is
    /// answered once.
    ///
    /// # Errors
    /// When the database fails. A missing document is no error.
    pub async fn get_many(
        &self,
        db: &str,
        ids: &[impl AsRef<str>],
    ) -> Result<Vec<(String, Option<SavedDocument>)>, DocumentError> {
        let collection = &CollectionName::new(db)?;
        let mut seen = HashSet::new();
        let ids: Vec<String> = ids
            .iter()
            .map(|id| id.as_ref().to_owned())
            .filter(|id| seen.insert(id.clone()))
            .collect();
        let reads = ids.into_iter().map(|id| async move {
            // What no document can have as its id, none has.
            let document = match DocumentId::parse(&id) {
                Ok(parsed) => self.store.get(collection, &parsed).await?,
                Err(_) => None,
            };
            Ok::<_, DocumentError>((id, document.as_ref().map(read)))
        });
        stream::iter(reads).buffered(READS_AT_ONCE).try_collect().await
    }

    /// Carries out what can be, in parts as large as a batch may be.
    async fn write_many(
        &self,
        read: Vec<Result<(String, WriteOperation), BulkOutcome>>,
        missing: fn(String) -> BulkOutcome,
    ) -> Result<Vec<BulkOutcome>, DocumentError> {
        let mut ids = Vec::new();
        let mut outcomes: Vec<Option<BulkOutcome>> = Vec::with_capacity(read.len());
        let mut operations = Vec::new();
        for one in read {
            match one {
                Ok((id, operation)) => {
                    ids.push((outcomes.len(), id));
                    operations.push(operation);
                    outcomes.push(None);
                }
                Err(failed) => outcomes.push(Some(failed)),
            }
        }
        let part_max = self.store.limits().batch_operations.max;
        let part_max = usize::try_from(part_max).unwrap_or(usize::MAX);
        let part_max = part_max.min(self.store.options().batch_operations_max).max(1);
        let mut ids = ids.into_iter();
        let mut operations = operations.into_iter().peekable();
        while operations.peek().is_some() {
            let part = next_part(&mut operations, part_max);
            for (outcome, (place, id)) in self.write(part).await?.into_iter().zip(ids.by_ref()) {
                outcomes[place] = Some(bulk_outcome(id, outcome, missing));
            }
        }
        let unanswered = || missing_outcome().into();
        outcomes.into_iter().map(|outcome| outcome.ok_or_else(unanswered)).collect()
    }
}
