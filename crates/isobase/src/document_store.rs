//! A store as an application uses it without HTTP: documents by name and id.

use isobase_store::{
    Action, Atomicity, IfMissing, Precondition, Rejection, Store, StoreError, WriteBatch,
    WriteOperation, WriteOutcome,
};
use isobase_types::{
    CollectionName, Count, Document, DocumentId, Filter, Order, PageRequest, Query, Revision,
};
use serde::Serialize;

use crate::{
    SavedDocument,
    document::Given,
    document_error::{DocumentError, missing_outcome, refused},
};

/// Documents of one page of a search.
pub(crate) const PAGE_DOCUMENTS: u32 = 500;

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
    pub(crate) store: Store,
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
    /// [`DocumentError::NotFound`], also for an unknown collection.
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

    /// Deletes a document; returns whether there was one.
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

    /// Every document of a collection, by id; empty for an unknown collection. All of them are
    /// in memory at once: for large collections read pages with [`Store::list`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_all(&self, db: &str) -> Result<Vec<SavedDocument>, DocumentError> {
        let collection = CollectionName::new(db)?;
        let all = (Filter::all(), Order::default());
        let documents = self.store.list_all(&collection, all, usize::MAX).await?;
        Ok(documents.iter().map(read).collect())
    }

    pub(crate) async fn write(
        &self,
        operations: Vec<WriteOperation>,
    ) -> Result<Vec<WriteOutcome>, StoreError> {
        let batch = WriteBatch { operations, ..WriteBatch::default() };
        Ok(self.store.write(batch, Atomicity::EachAlone).await?.outcomes)
    }
}

pub(crate) fn put(collection: &CollectionName, id: DocumentId, given: Given) -> WriteOperation {
    let precondition = match given.rev.as_deref().map(Revision::parse) {
        None => Precondition::None,
        Some(Ok(revision)) => Precondition::RevisionIn(vec![revision]),
        // A text that no revision can have matches none.
        Some(Err(_)) => Precondition::RevisionIn(Vec::new()),
    };
    let action = Action::Put { id, body: given.body, if_missing: IfMissing::Create };
    WriteOperation { collection: collection.clone(), action, precondition }
}

pub(crate) fn delete(collection: &CollectionName, id: DocumentId) -> WriteOperation {
    let (action, precondition) = (Action::Delete { id }, Precondition::None);
    WriteOperation { collection: collection.clone(), action, precondition }
}

pub(crate) fn read(document: &Document) -> SavedDocument {
    SavedDocument::read(&document.id, &document.revision, &document.body)
}

pub(crate) fn query(filter: Filter, page: PageRequest) -> Query {
    Query { filter, order: Order::default(), page, fields: Vec::new(), count: Count::None }
}

#[cfg(all(test, feature = "memory"))]
mod tests {
    use isobase_engine::BATCH_BYTES_MAX;
    use serde_json::json;

    use super::*;
    use crate::{BulkOutcome, FIND_LIMIT_DEFAULT};

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
