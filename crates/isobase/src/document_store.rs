//! A store as an application uses it without HTTP: documents by name and id.

use std::{collections::HashSet, iter::Peekable};

use futures_util::{StreamExt, TryStreamExt, stream};
use isobase_engine::BATCH_BYTES_MAX;
use isobase_store::{
    Action, Atomicity, IfMissing, Precondition, Rejection, Store, StoreError, Violation,
    WriteBatch, WriteOperation, WriteOutcome,
};
use isobase_types::{
    CollectionName, Comparison, Count, Document, DocumentId, FieldPath, Filter,
    InvalidCollectionName, InvalidDocumentId, Literal, Operator, Order, PageRequest, Query,
    Revision, json,
};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value};

use crate::{InvalidDocument, SavedDocument, document::Given};

/// Documents read at once by [`DocumentStore::get_many`]. Ours: enough to hide the latency of a
/// database far away, few enough to leave room for others.
const READS_AT_ONCE: usize = 16;

/// Documents [`DocumentStore::find`] gives when the caller does not say.
pub const FIND_LIMIT_DEFAULT: usize = 10_000;

/// Documents of one page of a search.
const PAGE_DOCUMENTS: u32 = 500;

/// A database of documents: `get`, `save`, `delete` and `list_all` by the name of a collection
/// and an id, and below them everything a [`Store`] does (it dereferences to one).
///
/// - A document is anything that serialises to a JSON object. What comes back is a
///   [`SavedDocument`] with its fields, `_id` and `_rev`.
/// - `_id` and `_rev` are never stored: they are taken out of a given document and added on the
///   way out. `id` and the id as an argument are the same thing; the argument counts.
/// - A `_rev` that is not empty makes a save conditional: if the document has another revision by
///   now, or is gone, nothing is stored and the answer is [`DocumentError::Conflict`]. Without
///   it, or with `null` or `""`, the last write wins. A number counts as its text; anything else
///   is refused.
/// - Collections come into being with their first document.
///
/// ```
/// use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # #[cfg(feature = "memory")] {
/// let db = isobase::open("memory:").await?;
///
/// let saved = db.save("agents", "summariser", &json!({"name": "Summariser"})).await?;
/// assert_eq!(saved.to_value()?["_id"], "summariser");
///
/// let agent = db.get("agents", "summariser").await?;
/// assert_eq!(agent.to_value()?["name"], "Summariser");
///
/// assert!(db.delete("agents", "summariser").await?);
/// assert!(!db.delete("agents", "summariser").await?);
/// let missing = db.get("agents", "summariser").await.unwrap_err();
/// assert_eq!(missing.to_string(), "Document 'summariser' not found in 'agents'");
/// assert!(db.list_all("agents").await?.is_empty());
/// # }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct DocumentStore {
    store: Store,
}

/// Why a document was not read or written. Nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// There is no such document.
    #[error("Document '{id}' not found in '{db}'")]
    NotFound {
        /// The collection.
        db: String,
        /// The id.
        id: String,
    },
    /// The document has another revision than the given `_rev`.
    #[error("Document update conflict")]
    Conflict {
        /// The revision it has; none when it is gone.
        current: Option<String>,
    },
    /// The document does not meet the schema of its collection.
    #[error("{}", Rejection::SchemaViolation { violations: violations.clone() })]
    SchemaViolation {
        /// What is wrong, at least one.
        violations: Vec<Violation>,
    },
    /// The database cannot hold the document.
    #[error("the document cannot be stored: {reason}")]
    Unholdable {
        /// The place in the document, empty for the whole.
        path: String,
        /// The limit it breaks.
        reason: String,
    },
    /// Another document has the same values of the fields of a unique index.
    #[error("{}", Rejection::NotUnique { fields: fields.clone() })]
    NotUnique {
        /// The fields.
        fields: Vec<FieldPath>,
    },
    /// The document refers to one that is not there, or others refer to the one that is to go.
    #[error("{reason}")]
    Reference {
        /// Which way, with the collection and the field.
        reason: String,
    },
    /// A rule does not allow the write.
    #[error("{reason}")]
    Forbidden {
        /// Why.
        reason: String,
    },
    /// It is no document.
    #[error(transparent)]
    InvalidDocument(#[from] InvalidDocument),
    /// No document can have this id.
    #[error(transparent)]
    InvalidId(#[from] InvalidDocumentId),
    /// No collection can have this name.
    #[error(transparent)]
    InvalidName(#[from] InvalidCollectionName),
    /// The selector of a search is no JSON object.
    #[error("the selector is not an object of field names and values")]
    InvalidSelector,
    /// The database failed, or the request exceeds a bound.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What became of one document of many. Serialises as `{"ok":true,"id":…,"rev":…}` or
/// `{"ok":false,"id":…,"error":…}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BulkOutcome {
    /// It is stored, or gone.
    Done {
        /// Its id.
        id: String,
        /// Its revision; none when it was deleted.
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

impl From<Store> for DocumentStore {
    fn from(store: Store) -> Self {
        Self { store }
    }
}

impl std::ops::Deref for DocumentStore {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

impl DocumentStore {
    /// The store below.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The document with this id.
    ///
    /// # Errors
    /// [`DocumentError::NotFound`], also for a collection nobody knows.
    pub async fn get(&self, db: &str, id: &str) -> Result<SavedDocument, DocumentError> {
        let (collection, document_id) = (CollectionName::new(db)?, DocumentId::parse(id)?);
        match self.store.get(&collection, &document_id).await? {
            Some(document) => Ok(read(&document)),
            None => Err(DocumentError::NotFound { db: db.to_owned(), id: id.to_owned() }),
        }
    }

    /// Stores a document under an id, in place of the one that is there.
    ///
    /// The answer is the document with `_id`, `_rev`, and the same as `id` and `rev`; a field
    /// `rev` of its own is stored, and gives way in this answer only.
    ///
    /// # Errors
    /// [`DocumentError::Conflict`] when the document has a `_rev` and the stored one another.
    pub async fn save(
        &self,
        db: &str,
        id: &str,
        document: &impl Serialize,
    ) -> Result<SavedDocument, DocumentError> {
        let (collection, id) = (CollectionName::new(db)?, DocumentId::parse(id)?);
        let given = Given::of(document)?;
        let body = given.body.clone();
        let written = match self.write(vec![put(&collection, id.clone(), given)]).await?.pop() {
            Some(outcome) => outcome.map_err(refused)?,
            None => return Err(missing_outcome().into()),
        };
        let body = written.body.as_ref().unwrap_or(&body);
        Ok(SavedDocument::saved(&written.id, &written.revision, body))
    }

    /// Takes a document away; says whether there was one.
    ///
    /// # Errors
    /// When the database fails. A missing document is no error.
    pub async fn delete(&self, db: &str, id: &str) -> Result<bool, DocumentError> {
        let (collection, id) = (CollectionName::new(db)?, DocumentId::parse(id)?);
        match self.write(vec![delete(&collection, id.clone())]).await?.pop() {
            Some(Ok(_)) => Ok(true),
            Some(Err(Rejection::NotFound)) => Ok(false),
            Some(Err(rejection)) => Err(refused(rejection)),
            None => Err(missing_outcome().into()),
        }
    }

    /// Every document of a collection, by id; none for a collection nobody knows. All of them are
    /// in memory at once: for large collections read pages with [`Store::list`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_all(&self, db: &str) -> Result<Vec<SavedDocument>, DocumentError> {
        let collection = CollectionName::new(db)?;
        let query = query(Filter::all(), PageRequest::All);
        let mut page = self.store.list(&collection, &query).await?;
        let mut documents: Vec<_> = page.documents.iter().map(read).collect();
        while let Some(next) = page.next {
            page = self.store.list_next(&collection, &query, &next).await?;
            documents.extend(page.documents.iter().map(read));
        }
        Ok(documents)
    }

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

    /// Takes many documents away. One that is not there counts as done.
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

    /// The documents whose fields equal all those of the selector, by id; a missing field equals
    /// `null`. Names are those of top-level fields, dots included; `_id` is the id.
    ///
    /// With `fields` each document has only these, `null` where it has none, and `_id`. At most
    /// `limit` documents; [`FIND_LIMIT_DEFAULT`] is a good one.
    ///
    /// # Errors
    /// [`DocumentError::InvalidSelector`] when the selector is no JSON object.
    pub async fn find(
        &self,
        db: &str,
        selector: &Value,
        fields: &[&str],
        limit: usize,
    ) -> Result<Vec<SavedDocument>, DocumentError> {
        let collection = CollectionName::new(db)?;
        let Value::Object(selector) = selector else { return Err(DocumentError::InvalidSelector) };
        let (filter, rest) = filter(selector);
        let mut found = Vec::new();
        let mut after = None;
        while found.len() < limit {
            let page = PageRequest::Cursor { limit: PAGE_DOCUMENTS, after: after.take() };
            let page = self.store.list(&collection, &query(filter.clone(), page)).await?;
            let meeting = page.documents.iter().map(read).filter(|it| has_all(it, &rest));
            found.extend(meeting.take(limit - found.len()));
            match page.next {
                Some(next) => after = Some(next.cursor().to_owned()),
                None => break,
            }
        }
        if !fields.is_empty() {
            found = found.iter().map(|document| document.with_fields(fields)).collect();
        }
        Ok(found)
    }

    async fn write(
        &self,
        operations: Vec<WriteOperation>,
    ) -> Result<Vec<WriteOutcome>, StoreError> {
        let batch = WriteBatch { operations, ..WriteBatch::default() };
        Ok(self.store.write(batch, Atomicity::EachAlone).await?.outcomes)
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

fn put(collection: &CollectionName, id: DocumentId, given: Given) -> WriteOperation {
    let precondition = match given.rev.as_deref().map(Revision::parse) {
        None => Precondition::None,
        Some(Ok(revision)) => Precondition::RevisionIn(vec![revision]),
        // A text that no revision can have matches none.
        Some(Err(_)) => Precondition::RevisionIn(Vec::new()),
    };
    let action = Action::Put { id, body: given.body, if_missing: IfMissing::Create };
    WriteOperation { collection: collection.clone(), action, precondition }
}

fn delete(collection: &CollectionName, id: DocumentId) -> WriteOperation {
    let (action, precondition) = (Action::Delete { id }, Precondition::None);
    WriteOperation { collection: collection.clone(), action, precondition }
}

fn refused(rejection: Rejection) -> DocumentError {
    match rejection {
        Rejection::RevisionConflict { current } => {
            DocumentError::Conflict { current: current.as_ref().map(Revision::to_string) }
        }
        Rejection::AlreadyExists => DocumentError::Conflict { current: None },
        Rejection::SchemaViolation { violations } => DocumentError::SchemaViolation { violations },
        Rejection::Unholdable { path, reason } => DocumentError::Unholdable { path, reason },
        Rejection::NotUnique { fields } => DocumentError::NotUnique { fields },
        reference @ (Rejection::ReferenceNotFound { .. } | Rejection::Referenced { .. }) => {
            DocumentError::Reference { reason: reference.to_string() }
        }
        Rejection::Forbidden { message, .. } => DocumentError::Forbidden { reason: message },
        // A save makes what is not there, patches nothing, and stands alone.
        Rejection::NotFound | Rejection::PatchConflict { .. } | Rejection::BatchRejected => {
            missing_outcome().into()
        }
    }
}

fn missing_outcome() -> StoreError {
    let kind = isobase_store::ErrorKind::Unexpected;
    isobase_store::EngineError::new(kind, "a write did not have an outcome").into()
}

fn read(document: &Document) -> SavedDocument {
    SavedDocument::read(&document.id, &document.revision, &document.body)
}

fn query(filter: Filter, page: PageRequest) -> Query {
    Query { filter, order: Order::default(), page, fields: Vec::new(), count: Count::None }
}

/// What the database can compare, and the rest of the selector.
fn filter(selector: &Map<String, Value>) -> (Filter, Vec<(&str, &Value)>) {
    let (mut filters, mut rest) = (Vec::new(), Vec::new());
    for (name, value) in selector {
        let operator = match value {
            Value::Null => Some(Operator::Null),
            Value::Bool(value) => Some(Operator::In(vec![Literal::Bool(*value)])),
            Value::String(value) => Some(Operator::In(vec![Literal::Text(value.clone())])),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(integer), _) => Some(Operator::In(vec![Literal::Integer(integer)])),
                (None, Some(float)) => Some(Operator::In(vec![Literal::Float(float)])),
                (None, None) => None,
            },
            Value::Array(_) | Value::Object(_) => None,
        };
        let path =
            (name != "_id" && name != "id" && name != "_rev").then(|| path_of(name)).flatten();
        match (path, operator) {
            (Some(path), Some(operator)) => {
                filters.push(Filter::Compare(Comparison { path, operator }));
            }
            _ => rest.push((name.as_str(), value)),
        }
    }
    (Filter::And(filters), rest)
}

/// The path of one step with this name, quoted so that dots in it are no steps.
fn path_of(name: &str) -> Option<FieldPath> {
    let mut quoted = Vec::new();
    json::write_string(name, &mut quoted);
    FieldPath::parse(std::str::from_utf8(&quoted).ok()?).ok()
}

fn has_all(document: &SavedDocument, rest: &[(&str, &Value)]) -> bool {
    if rest.is_empty() {
        return true;
    }
    let Ok(fields) = document.to_value() else { return false };
    rest.iter().all(|(name, value)| {
        let name = if *name == "id" { "_id" } else { name };
        fields.get(name).unwrap_or(&Value::Null) == *value
    })
}

#[cfg(all(test, feature = "memory"))]
mod tests {
    use serde_json::json;

    use super::*;

    async fn open() -> DocumentStore {
        crate::open("memory:").await.expect("memory can be opened")
    }

    #[tokio::test]
    async fn saving_replaces_and_answers_the_document() {
        let db = open().await;
        let first = db.save("agents", "a", &json!({"name": "A", "old": 1})).await.unwrap();
        let expected =
            json!({"name":"A","old":1,"_id":"a","_rev":first.rev(),"id":"a","rev":first.rev()});
        assert_eq!(first.to_value().unwrap(), expected);
        let second = db.save("agents", "a", &json!({"name": "B", "_id": "other"})).await.unwrap();
        assert_ne!(first.rev(), second.rev());
        let read = db.get("agents", "a").await.unwrap();
        let expected = json!({"name": "B", "_id": "a", "_rev": second.rev()});
        assert_eq!(read.to_value().unwrap(), expected);
        let agents = CollectionName::new("agents").unwrap();
        let stored = db.store().get(&agents, &DocumentId::parse("a").unwrap()).await;
        assert_eq!(stored.unwrap().unwrap().body, r#"{"name":"B"}"#);
    }

    #[tokio::test]
    async fn a_given_revision_must_be_the_current_one() {
        let db = open().await;
        let first = db.save("agents", "a", &json!({"n": 1})).await.unwrap();
        let changed = first.to_value().unwrap();
        let second = db.save("agents", "a", &changed).await.unwrap();
        let stale = db.save("agents", "a", &changed).await.unwrap_err();
        assert_eq!(stale.to_string(), "Document update conflict");
        let DocumentError::Conflict { current } = stale else { panic!("{stale:?}") };
        assert_eq!(current.as_deref(), Some(second.rev()));
        for rev in ["9999", "no revision at all"] {
            let refused = db.save("agents", "new", &json!({"_rev": rev})).await.unwrap_err();
            assert!(matches!(refused, DocumentError::Conflict { current: None }), "{refused:?}");
        }
        for rev in [json!(null), json!("")] {
            db.save("agents", "a", &json!({"_rev": rev})).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_revision_that_is_no_text_never_overwrites() {
        let db = open().await;
        let first = db.save("agents", "a", &json!({"n": 1})).await.unwrap();
        let number: u64 = first.rev().parse().unwrap();
        let second = db.save("agents", "a", &json!({"n": 2, "_rev": number})).await.unwrap();
        let stale = db.save("agents", "a", &json!({"n": 3, "_rev": number})).await.unwrap_err();
        assert!(matches!(stale, DocumentError::Conflict { .. }), "{stale:?}");
        let refused = db.save("agents", "a", &json!({"_rev": [first.rev()]})).await.unwrap_err();
        assert!(matches!(refused, DocumentError::InvalidDocument(_)), "{refused:?}");
        let many = [json!({"_id": "a", "_rev": number}), json!({"_id": "a", "_rev": {}})];
        let outcomes = db.save_many("agents", &many).await.unwrap();
        assert!(outcomes.iter().all(|outcome| !outcome.is_ok()), "{outcomes:?}");
        assert_eq!(db.get("agents", "a").await.unwrap().rev(), second.rev());
    }

    #[tokio::test]
    async fn missing_documents_and_collections() {
        let db = open().await;
        let missing = db.get("agents", "a").await.unwrap_err();
        assert_eq!(missing.to_string(), "Document 'a' not found in 'agents'");
        assert!(!db.delete("agents", "a").await.unwrap());
        assert!(db.list_all("agents").await.unwrap().is_empty());
        db.save("agents", "a", &json!({})).await.unwrap();
        assert!(db.delete("agents", "a").await.unwrap());
        let integer = db.save("agents", "10", &json!({})).await.unwrap();
        assert_eq!(integer.id(), "10");
    }

    #[tokio::test]
    async fn all_documents_are_listed() {
        let db = open().await;
        let documents: Vec<_> =
            (0..2_500).map(|n| json!({"_id": format!("d{n:04}"), "n": n})).collect();
        let outcomes = db.save_many("many", &documents).await.unwrap();
        assert!(outcomes.iter().all(BulkOutcome::is_ok));
        let listed = db.list_all("many").await.unwrap();
        assert_eq!(listed.len(), 2_500);
        assert_eq!((listed[0].id(), listed[2_499].id()), ("d0000", "d2499"));
    }

    #[tokio::test]
    async fn many_large_documents_are_divided_by_their_bytes() {
        let db = open().await;
        let bytes = usize::try_from(BATCH_BYTES_MAX / 5).unwrap();
        let documents: Vec<_> =
            (0..6).map(|n| json!({"_id": format!("d{n:02}"), "text": "x".repeat(bytes)})).collect();
        let outcomes = db.save_many("large", &documents).await.unwrap();
        assert_eq!(outcomes.len(), documents.len());
        assert!(outcomes.iter().all(BulkOutcome::is_ok), "{outcomes:?}");
        let ids: Vec<_> = (0..6).map(|n| format!("d{n:02}")).collect();
        let outcomes = db.delete_many("large", &ids).await.unwrap();
        assert!(outcomes.iter().all(BulkOutcome::is_ok), "{outcomes:?}");
        assert!(db.list_all("large").await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn many_are_answered_one_by_one() {
        let db = open().await;
        let kept = db.save("d", "kept", &json!({})).await.unwrap();
        let too_long = "x".repeat(1_501);
        let documents = [
            json!({"_id": "a", "n": 1}),
            json!({"n": 2}),
            json!({"_id": "kept", "_rev": "77"}),
            json!({"_id": too_long}),
            json!({"_id": "kept", "_rev": kept.rev()}),
            json!([1]),
        ];
        let outcomes = db.save_many("d", &documents).await.unwrap();
        let shown = serde_json::to_value(&outcomes).unwrap();
        assert_eq!(shown[0]["ok"], true);
        assert_eq!(shown[0]["id"], "a");
        assert!(shown[0]["rev"].is_string());
        assert_eq!(shown[1], json!({"ok": false, "id": null, "error": "missing _id"}));
        assert_eq!(shown[2], json!({"ok": false, "id": "kept", "error": "conflict"}));
        assert_eq!((&shown[3]["ok"], &shown[3]["id"]), (&json!(false), &json!(too_long)));
        assert_eq!(shown[4]["ok"], true);
        assert_eq!(shown[5]["ok"], false);

        let got = db.get_many("d", &["kept", "none", "a", "kept"]).await.unwrap();
        let ids: Vec<_> = got.iter().map(|(id, it)| (id.as_str(), it.is_some())).collect();
        assert_eq!(ids, [("kept", true), ("none", false), ("a", true)]);

        let gone = db.delete_many("d", &["a", "none", "kept"]).await.unwrap();
        let done = |id: &str| BulkOutcome::Done { id: id.to_owned(), rev: None };
        assert_eq!(gone, [done("a"), done("none"), done("kept")]);
        let nothing: [&str; 0] = [];
        assert!(db.save_many("d", &nothing).await.unwrap().is_empty());
        assert!(db.delete_many("d", &nothing).await.unwrap().is_empty());
        assert!(db.get_many("d", &nothing).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn finding_compares_every_field() {
        let db = open().await;
        let documents = [
            json!({"_id": "a", "kind": "x", "n": 1, "tags": ["t"], "a.b": true}),
            json!({"_id": "b", "kind": "x", "n": 1.0, "gone": null}),
            json!({"_id": "c", "kind": "y", "gone": 1}),
        ];
        db.save_many("d", &documents).await.unwrap();
        let cases = [
            (json!({}), vec!["a", "b", "c"]),
            (json!({"kind": "x", "n": 1}), vec!["a", "b"]),
            (json!({"gone": null}), vec!["a", "b"]),
            (json!({"tags": ["t"]}), vec!["a"]),
            (json!({"a.b": true}), vec!["a"]),
            (json!({"_id": "c"}), vec!["c"]),
            (json!({"kind": "z"}), vec![]),
        ];
        for (selector, expected) in cases {
            let found = db.find("d", &selector, &[], FIND_LIMIT_DEFAULT).await.unwrap();
            let ids: Vec<_> = found.iter().map(SavedDocument::id).collect();
            assert_eq!(ids, expected, "{selector}");
        }
        let found = db.find("d", &json!({}), &["kind", "gone"], 1).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].as_json(), r#"{"kind":"x","gone":null,"_id":"a"}"#);
        assert!(db.find("d", &json!([]), &[], 1).await.is_err());
        assert!(db.find("none", &json!({}), &[], 1).await.unwrap().is_empty());
    }
}
