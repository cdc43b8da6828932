//! A store in the same process.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use isobase_engine::Engine;
use isobase_store::{
    Atomicity, ErrorKind, FeedRequest, Idempotency, IfMissing, IndexDefinition, Precondition,
    Rejection, Schema, Since, Store, StoreError, StoreOptions, WriteBatch, WriteOperation,
    WriteOutcome, Written,
};
use isobase_types::{
    ChangeKind, CollectionName, Document, DocumentId, FieldPath, PageRequest, Query, QueryLimits,
    Revision,
    json::{self, Patch, PatchError},
};

use crate::{
    Abilities, Action, Answer, Batch, BatchReport, Change, Condition, Done, Feed, Listed,
    Operation, PatchForm, Refusal, RefusalKind, Report, Stored, Subject, TestClock, Times, Totals,
};

/// A store in the same process: names and values are checked as every interface checks them.
#[derive(Debug)]
pub struct StoreSubject {
    store: Store,
    abilities: Abilities,
    clock: Option<TestClock>,
}

impl StoreSubject {
    /// A store over an engine that reads this clock.
    #[must_use]
    pub fn new(engine: Arc<dyn Engine>, clock: Option<TestClock>) -> Self {
        let abilities = Abilities::of(&*engine);
        Self { store: Store::new(engine, StoreOptions::default()), abilities, clock }
    }

    /// The same with other abilities than the engine says it has.
    #[must_use]
    pub fn with_abilities(self, abilities: Abilities) -> Self {
        Self { abilities, ..self }
    }

    async fn document(&self, collection: &str, id: &str) -> Result<Option<Document>, Refusal> {
        let (collection, id) = (name(collection)?, document_id(id)?);
        Ok(self.store.get(&collection, &id).await?)
    }

    async fn write_one(
        &self,
        collection: &str,
        operation: &Operation,
        idempotency_key: Option<&str>,
    ) -> Result<Report, Refusal> {
        let collection = name(collection)?;
        let written = write_operation(&collection, operation)?;
        let sent = sent_body(&written);
        let idempotency =
            idempotency_key.map(|key| idempotency(key, &(collection.as_str(), operation)));
        let batch = WriteBatch { operations: vec![written], idempotency, checks: Vec::new() };
        let mut report = self.store.write(batch, Atomicity::EachAlone).await?;
        let replayed = report.replayed;
        let outcome = report.outcomes.pop().ok_or_else(|| unexpected("no outcome"))?;
        let body = match &outcome {
            Ok(written) => written.body.clone().or(sent),
            Err(_) => None,
        };
        let mut done = done(outcome)?;
        if let (Some(body), false, true) = (body, replayed, done.kind != "deleted") {
            done.text = Some(text_of(&body, &done.id));
        }
        Ok(Report { done, replayed })
    }

    async fn write_many(&self, collection: &str, batch: &Batch) -> Result<BatchReport, Refusal> {
        let collection = name(collection)?;
        let operations = batch
            .operations
            .iter()
            .map(|operation| write_operation(&collection, operation))
            .collect::<Result<Vec<_>, _>>()?;
        let request = (collection.as_str(), batch);
        let idempotency = batch.idempotency_key.as_deref().map(|key| idempotency(key, &request));
        let atomicity = if batch.atomic { Atomicity::AllOrNothing } else { Atomicity::EachAlone };
        let batch = WriteBatch { operations, idempotency, checks: Vec::new() };
        let report = self.store.write(batch, atomicity).await?;
        let outcomes = report.outcomes.into_iter().map(done).collect();
        Ok(BatchReport { outcomes, replayed: report.replayed })
    }

    async fn list_all(
        &self,
        collection: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Listed, Refusal> {
        let collection = name(collection)?;
        let (expand, others): (Vec<_>, Vec<_>) =
            parameters.iter().partition(|(name, _)| *name == "expand");
        let owned: Vec<(String, String)> =
            others.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let paths = expand.iter().flat_map(|(_, value)| value.split(','));
        let paths = paths.map(FieldPath::parse).collect::<Result<Vec<_>, _>>();
        let paths = paths
            .map_err(|error| Refusal::new(RefusalKind::InvalidParameter, error.to_string()))?;
        let expansion = self.store.expansion(&collection, &paths).await?;
        let query = Query::parse(&owned, &QueryLimits::default()).map_err(|errors| {
            let words: Vec<String> = errors.iter().map(ToString::to_string).collect();
            Refusal::new(RefusalKind::InvalidParameter, words.join("; "))
        })?;
        let mut page = self.store.list(&collection, &query).await?;
        self.store.expand(&expansion, &mut page.documents).await?;
        let totals = page.totals;
        let mut documents = texts(&page.documents, &query.fields);
        let mut next = page.next;
        if query.page == PageRequest::All {
            while let Some(position) = next {
                let mut page = self.store.list_next(&collection, &query, &position).await?;
                self.store.expand(&expansion, &mut page.documents).await?;
                documents.extend(texts(&page.documents, &query.fields));
                next = page.next;
            }
        }
        let numbered = matches!(query.page, PageRequest::Numbered { .. });
        Ok(Listed {
            documents,
            next: next.filter(|_| !numbered).map(|position| position.cursor().to_owned()),
            total: totals.map(|totals| totals.documents),
            page: totals.and_then(|totals| totals.page).map(u64::from),
            pages: totals.and_then(|totals| totals.pages),
        })
    }

    async fn feed(
        &self,
        collection: Option<&str>,
        since: &str,
        limit: u32,
    ) -> Result<Feed, Refusal> {
        let collection = collection.map(name).transpose()?;
        let since = Since::parse(since)
            .map_err(|error| Refusal::new(RefusalKind::InvalidParameter, error.to_string()))?;
        let request = FeedRequest { since, collection, limit, bodies: false };
        let page = self.store.changes(request).await?;
        let changes = page
            .changes
            .iter()
            .map(|change| Change {
                sequence: change.sequence.0,
                place: page.place_of(change).to_string(),
                collection: change.collection.to_string(),
                id: change.id.as_ref().map(id_json),
                kind: change.kind.as_str().to_owned(),
                revision: change.revision.as_ref().map(ToString::to_string),
            })
            .collect();
        Ok(Feed {
            changes,
            next: page.next.sequence.0,
            next_place: page.next.to_string(),
            more: page.more,
        })
    }
}

impl Subject for StoreSubject {
    fn abilities(&self) -> Abilities {
        self.abilities
    }

    fn clock(&self) -> Option<&TestClock> {
        self.clock.as_ref()
    }

    fn store(&self) -> Option<&Store> {
        Some(&self.store)
    }

    fn engine(&self) -> Option<&Arc<dyn Engine>> {
        Some(self.store.engine())
    }

    fn get<'a>(&'a self, collection: &'a str, id: &'a str) -> Answer<'a, Option<Stored>> {
        Box::pin(async move {
            let document = self.document(collection, id).await?;
            Ok(document.map(|document| Stored {
                text: document_text(&document),
                revision: document.revision.to_string(),
            }))
        })
    }

    fn times<'a>(&'a self, collection: &'a str, id: &'a str) -> Answer<'a, Option<Times>> {
        Box::pin(async move {
            let document = self.document(collection, id).await?;
            Ok(document.map(|document| Times {
                created_at: document.created_at.to_string(),
                updated_at: document.updated_at.to_string(),
            }))
        })
    }

    fn write<'a>(
        &'a self,
        collection: &'a str,
        operation: &'a Operation,
        idempotency_key: Option<&'a str>,
    ) -> Answer<'a, Report> {
        Box::pin(self.write_one(collection, operation, idempotency_key))
    }

    fn write_batch<'a>(&'a self, collection: &'a str, batch: &'a Batch) -> Answer<'a, BatchReport> {
        Box::pin(self.write_many(collection, batch))
    }

    fn list<'a>(
        &'a self,
        collection: &'a str,
        parameters: &'a [(&'a str, &'a str)],
    ) -> Answer<'a, Listed> {
        Box::pin(self.list_all(collection, parameters))
    }

    fn totals(&self) -> Answer<'_, Totals> {
        Box::pin(async move {
            let infos = self.store.collections().await?;
            Ok(Totals {
                documents: infos.iter().map(|info| info.documents).sum(),
                collections: infos.iter().map(|info| info.name.to_string()).collect(),
            })
        })
    }

    fn delete_collection<'a>(&'a self, collection: &'a str) -> Answer<'a, u64> {
        Box::pin(async move { Ok(self.store.delete_collection(&name(collection)?).await?) })
    }

    fn changes_since<'a>(
        &'a self,
        collection: Option<&'a str>,
        since: &'a str,
        limit: u32,
    ) -> Answer<'a, Feed> {
        Box::pin(self.feed(collection, since, limit))
    }

    fn indexes<'a>(&'a self, collection: &'a str) -> Answer<'a, Vec<String>> {
        Box::pin(async move {
            let infos = self.store.indexes(&name(collection)?).await?;
            Ok(infos.iter().map(|info| info.definition.to_string()).collect())
        })
    }

    fn create_index<'a>(&'a self, collection: &'a str, fields: &'a str) -> Answer<'a, ()> {
        Box::pin(async move {
            let (collection, definition) = (name(collection)?, definition(fields)?);
            self.store.create_index(&collection, &definition).await?;
            Ok(())
        })
    }

    fn schema<'a>(&'a self, collection: &'a str) -> Answer<'a, Option<String>> {
        Box::pin(async move {
            let info = self.store.schema(&name(collection)?).await?;
            Ok(info.map(|info| info.schema.as_text().to_owned()))
        })
    }

    fn set_schema<'a>(&'a self, collection: &'a str, schema: Option<&'a str>) -> Answer<'a, ()> {
        Box::pin(async move {
            let collection = name(collection)?;
            let Some(schema) = schema else {
                self.store.delete_schema(&collection).await?;
                return Ok(());
            };
            let schema = Schema::parse(schema.as_bytes())
                .map_err(|error| Refusal::new(RefusalKind::InvalidDocument, error.to_string()))?;
            Ok(self.store.set_schema(&collection, &schema).await?)
        })
    }

    fn drop_index<'a>(&'a self, collection: &'a str, fields: &'a str) -> Answer<'a, bool> {
        Box::pin(async move {
            let (collection, definition) = (name(collection)?, definition(fields)?);
            Ok(self.store.drop_index(&collection, &definition).await?)
        })
    }
}

fn name(text: &str) -> Result<CollectionName, Refusal> {
    CollectionName::new(text)
        .map_err(|error| Refusal::new(RefusalKind::InvalidCollection, error.to_string()))
}

fn document_id(text: &str) -> Result<DocumentId, Refusal> {
    DocumentId::parse(text).map_err(|error| Refusal::new(RefusalKind::InvalidId, error.to_string()))
}

fn definition(fields: &str) -> Result<IndexDefinition, Refusal> {
    let invalid = |words: String| Refusal::new(RefusalKind::InvalidIndex, words);
    IndexDefinition::parse(fields).map_err(|error| invalid(error.to_string()))
}

fn document(body: &[u8]) -> Result<String, Refusal> {
    json::canonicalise_document(body)
        .map_err(|error| Refusal::new(RefusalKind::InvalidDocument, error.to_string()))
}

fn patch_of(form: PatchForm, patch: &[u8]) -> Result<Patch, Refusal> {
    let patch = match form {
        PatchForm::Merge => Patch::merge(patch).map_err(PatchError::from),
        PatchForm::Json => Patch::json(patch),
        PatchForm::Update => Patch::update(patch),
    };
    patch.map_err(|error| Refusal::new(RefusalKind::InvalidDocument, error.to_string()))
}

fn write_operation(
    collection: &CollectionName,
    operation: &Operation,
) -> Result<WriteOperation, Refusal> {
    use isobase_store::Action as To;
    let action = match &operation.action {
        Action::Create { body } => To::Create { body: document(body)? },
        Action::Put { id, body, upsert } => To::Put {
            id: document_id(id)?,
            body: document(body)?,
            // To want none is to want to create.
            if_missing: if *upsert || operation.condition == Condition::Missing {
                IfMissing::Create
            } else {
                IfMissing::Refuse
            },
        },
        Action::Patch { id, patch, form } => {
            To::Patch { id: document_id(id)?, patch: patch_of(*form, patch)? }
        }
        Action::Delete { id } => To::Delete { id: document_id(id)? },
    };
    let revisions = |texts: &[String]| {
        texts
            .iter()
            .map(|text| {
                Revision::parse(text)
                    .map_err(|error| Refusal::new(RefusalKind::InvalidRevision, error.to_string()))
            })
            .collect::<Result<Vec<_>, _>>()
    };
    let precondition = match &operation.condition {
        Condition::None => Precondition::None,
        Condition::Exists => Precondition::Exists,
        Condition::Missing => Precondition::Missing,
        Condition::RevisionIn(texts) => Precondition::RevisionIn(revisions(texts)?),
        Condition::RevisionNotIn(texts) => Precondition::RevisionNotIn(revisions(texts)?),
    };
    Ok(WriteOperation { collection: collection.clone(), action, precondition })
}

fn sent_body(operation: &WriteOperation) -> Option<String> {
    use isobase_store::Action as To;
    match &operation.action {
        To::Create { body } | To::Put { body, .. } => Some(body.clone()),
        To::Patch { .. } | To::Delete { .. } => None,
    }
}

fn done(outcome: WriteOutcome) -> Result<Done, Refusal> {
    let Written { id, kind, revision, .. } = outcome?;
    let revision = (kind != ChangeKind::Deleted).then(|| revision.to_string());
    Ok(Done { id: id_json(&id), kind: kind.as_str().to_owned(), revision, text: None })
}

/// Hashes that differ when the requests do, as far as a test needs it.
fn idempotency(key: &str, request: &impl Hash) -> Idempotency {
    Idempotency { key: hash(&key), fingerprint: hash(request) }
}

fn hash(value: &impl Hash) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (round, part) in bytes.chunks_mut(8).enumerate() {
        let mut hasher = DefaultHasher::new();
        round.hash(&mut hasher);
        value.hash(&mut hasher);
        part.copy_from_slice(&hasher.finish().to_be_bytes());
    }
    bytes
}

pub(crate) fn id_json(id: &DocumentId) -> String {
    let mut out = Vec::new();
    id.write_json(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}

fn document_text(document: &Document) -> String {
    let mut out = Vec::new();
    document.write_json(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// The text of a document that was sent.
fn text_of(body: &str, id: &str) -> String {
    let comma = if body == "{}" { "" } else { "," };
    format!("{}{comma}\"id\":{id}}}", &body[..body.len() - 1])
}

fn texts(documents: &[Document], fields: &[FieldPath]) -> Vec<String> {
    let text = |document: &Document| {
        if fields.is_empty() {
            return document_text(document);
        }
        let body = json::project(&document.body, fields);
        document_text(&Document { body, ..document.clone() })
    };
    documents.iter().map(text).collect()
}

fn unexpected(detail: &str) -> Refusal {
    Refusal::new(RefusalKind::Unexpected, detail)
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        let kind = match rejection {
            Rejection::NotFound => RefusalKind::NotFound,
            Rejection::AlreadyExists => RefusalKind::AlreadyExists,
            Rejection::RevisionConflict { .. } => RefusalKind::RevisionConflict,
            Rejection::Unholdable { .. } => RefusalKind::Unholdable,
            Rejection::SchemaViolation { .. } => RefusalKind::SchemaViolation,
            Rejection::NotUnique { .. } => RefusalKind::NotUnique,
            Rejection::ReferenceNotFound { .. } => RefusalKind::ReferenceNotFound,
            Rejection::Referenced { .. } => RefusalKind::Referenced,
            Rejection::Forbidden { .. } => RefusalKind::Forbidden,
            Rejection::PatchConflict { .. } => RefusalKind::PatchConflict,
            Rejection::BatchRejected => RefusalKind::BatchRejected,
        };
        Self::new(kind, rejection.to_string())
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let kind = match (&error, error.kind()) {
            // A place after the last write is a cursor of another database.
            (StoreError::ForeignCursor | StoreError::FutureSequence { .. }, _) => {
                RefusalKind::ForeignCursor
            }
            (StoreError::CollectionReferenced { .. }, _) => RefusalKind::Referenced,
            (StoreError::ForeignPlace(_), _) => RefusalKind::ForeignPlace,
            (StoreError::WriteOnlyField { .. }, _) => RefusalKind::WriteOnlyField,
            (StoreError::UnknownExpansion { .. } | StoreError::ExpansionTooDeep { .. }, _) => {
                RefusalKind::InvalidParameter
            }
            (StoreError::ReservedCollection { .. }, _) => RefusalKind::InvalidCollection,
            (_, ErrorKind::LimitExceeded) => RefusalKind::LimitExceeded,
            (_, ErrorKind::NotUnique) => RefusalKind::NotUnique,
            (_, ErrorKind::Unsupported) => RefusalKind::Unsupported,
            (_, ErrorKind::IdempotencyMismatch) => RefusalKind::IdempotencyMismatch,
            (_, ErrorKind::ChangesGone { oldest }) => RefusalKind::ChangesGone { oldest: oldest.0 },
            _ => RefusalKind::Unexpected,
        };
        Self::new(kind, format!("{error:?}"))
    }
}
