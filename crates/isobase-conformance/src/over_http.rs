//! A service reached over HTTP.

use std::sync::Arc;

use http::Method;
use isobase_client::{
    BatchMethod, BatchOperation, Body, Client, ClientError, ClientOptions, Problem, Request,
    WriteOptions,
};
use isobase_engine::Engine;
use isobase_store::FeedPlace;
use serde_json::value::RawValue;

use crate::{
    Abilities, Action, Answer, Batch, BatchReport, Change, Condition, Done, Feed, Listed,
    Operation, PatchForm, Refusal, RefusalKind, Report, Stored, Subject, TestClock, Times, Totals,
};

/// A service reached over HTTP, through every layer a real caller meets.
pub struct HttpSubject {
    client: Client,
    abilities: Abilities,
    clock: Option<TestClock>,
    engine: Option<Arc<dyn Engine>>,
}

impl std::fmt::Debug for HttpSubject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpSubject").field("client", &self.client).finish_non_exhaustive()
    }
}

impl HttpSubject {
    /// The service at an address such as `http://127.0.0.1:8002`.
    ///
    /// # Errors
    /// When the address cannot be used.
    pub fn new(
        address: &str,
        abilities: Abilities,
        clock: Option<TestClock>,
    ) -> Result<Self, ClientError> {
        let client = Client::new(address, ClientOptions::default())?;
        Ok(Self { client, abilities, clock, engine: None })
    }

    /// The same with the engine of the service, where it is in this process.
    #[must_use]
    pub fn with_engine(self, engine: Arc<dyn Engine>) -> Self {
        Self { engine: Some(engine), ..self }
    }

    async fn write_one(
        &self,
        collection: &str,
        operation: &Operation,
        idempotency_key: Option<&str>,
    ) -> Result<Report, Refusal> {
        let Operation { action, condition } = operation;
        check_segments(&[collection, action.id().unwrap_or("x")])?;
        let (if_match, if_none_match) = headers(condition);
        let options = WriteOptions {
            if_match,
            if_none_match,
            upsert: matches!(action, Action::Put { upsert: true, .. })
                // The header alone must be enough to create.
                && *condition != Condition::Missing,
            idempotency_key: idempotency_key.map(str::to_owned),
        };
        let client = &self.client;
        let written = match action {
            Action::Create { body } => client.create(collection, body.clone(), &options).await,
            Action::Put { id, body, .. } => {
                client.put(collection, id, body.clone(), &options).await
            }
            Action::Patch { id, patch, form } => {
                let patch = patch.clone();
                match form {
                    PatchForm::Merge => client.patch(collection, id, patch, &options).await,
                    PatchForm::Json => client.json_patch(collection, id, patch, &options).await,
                    PatchForm::Update => client.update(collection, id, patch, &options).await,
                }
            }
            Action::Delete { id } => client.delete(collection, id, &options).await,
        };
        let written = written.map_err(|error| refusal_of_body(error, action))?;
        let replayed = written.replayed;
        let done = match action {
            Action::Delete { id } => {
                let id = isobase_types::DocumentId::parse(id).map_err(|error| {
                    unexpected(format!("the deletion of an invalid id was answered: {error}"))
                })?;
                let id = crate::in_process::id_json(&id);
                Done { id, kind: "deleted".to_owned(), revision: None, text: None }
            }
            _ => {
                let kind = if written.status == 201 { "created" } else { "updated" };
                Done {
                    id: id_of(&written.text)?,
                    kind: kind.to_owned(),
                    revision: written.revision,
                    text: (!replayed).then_some(written.text),
                }
            }
        };
        Ok(Report { done, replayed })
    }

    async fn write_many(&self, collection: &str, batch: &Batch) -> Result<BatchReport, Refusal> {
        let Some(operations) =
            batch.operations.iter().map(batch_operation).collect::<Option<Vec<_>>>()
        else {
            return self.write_unchecked(collection, batch).await;
        };
        let sent = isobase_client::Batch { operations, atomic: batch.atomic };
        let key = batch.idempotency_key.as_deref();
        match self.client.batch(collection, &sent, key).await {
            Ok(answer) => {
                let outcomes = answer
                    .results
                    .into_iter()
                    .map(|result| match result {
                        Ok(written) => Ok(Done {
                            id: written.id,
                            kind: written.kind,
                            revision: written.revision,
                            text: None,
                        }),
                        Err(failure) => Err(Refusal::new(kind_of(&failure.code), failure.detail)),
                    })
                    .collect();
                Ok(BatchReport { outcomes, replayed: answer.replayed })
            }
            Err(ClientError::Refused(problem)) if problem.code == "batch_rejected" => {
                Ok(rejected_batch(&problem, batch.operations.len()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Sends a batch whose bodies are no JSON: the client would not.
    async fn write_unchecked(
        &self,
        collection: &str,
        batch: &Batch,
    ) -> Result<BatchReport, Refusal> {
        let mut text = b"{\"operations\":[".to_vec();
        for (place, operation) in batch.operations.iter().enumerate() {
            if place > 0 {
                text.push(b',');
            }
            let (method, id, member, body) = match &operation.action {
                Action::Create { body } => ("create", None, "body", Some(body)),
                Action::Put { id, body, .. } => ("put", Some(id), "body", Some(body)),
                Action::Patch { id, patch, form } => {
                    let member = if *form == PatchForm::Update { "update" } else { "patch" };
                    ("patch", Some(id), member, Some(patch))
                }
                Action::Delete { id } => ("delete", Some(id), "", None),
            };
            text.extend_from_slice(format!("{{\"method\":\"{method}\"").as_bytes());
            if let Some(id) = id {
                let id = serde_json::Value::String(id.clone());
                text.extend_from_slice(format!(",\"id\":{id}").as_bytes());
            }
            if let Some(body) = body {
                text.extend_from_slice(format!(",\"{member}\":").as_bytes());
                text.extend_from_slice(body);
            }
            text.push(b'}');
        }
        text.extend_from_slice(format!("],\"atomic\":{}}}", batch.atomic).as_bytes());
        let request =
            Request::new(Method::POST, &["records", collection, "batch"]).body(Body::json(text));
        self.client.send(request).await?;
        Err(unexpected("a batch with a body that is no JSON was answered"))
    }
}

impl Subject for HttpSubject {
    fn abilities(&self) -> Abilities {
        self.abilities
    }

    fn clock(&self) -> Option<&TestClock> {
        self.clock.as_ref()
    }

    fn store(&self) -> Option<&isobase_store::Store> {
        None
    }

    fn engine(&self) -> Option<&Arc<dyn Engine>> {
        self.engine.as_ref()
    }

    fn get<'a>(&'a self, collection: &'a str, id: &'a str) -> Answer<'a, Option<Stored>> {
        Box::pin(async move {
            let fetched = self.client.get(collection, id, &[]).await?;
            Ok(fetched.map(|fetched| Stored { text: fetched.text, revision: fetched.revision }))
        })
    }

    fn times<'a>(&'a self, collection: &'a str, id: &'a str) -> Answer<'a, Option<Times>> {
        Box::pin(async move {
            let Some(fetched) = self.client.get(collection, id, &[("meta", "true")]).await? else {
                return Ok(None);
            };
            let value: serde_json::Value = serde_json::from_str(&fetched.text)
                .map_err(|error| unexpected(error.to_string()))?;
            let of = |name: &str| value["_meta"][name].as_str().unwrap_or_default().to_owned();
            Ok(Some(Times { created_at: of("createdAt"), updated_at: of("updatedAt") }))
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
        Box::pin(async move {
            let answer = self.client.list(collection, parameters).await?;
            Ok(Listed {
                documents: answer.documents,
                next: answer.next,
                total: answer.total,
                page: answer.page,
                pages: answer.pages,
            })
        })
    }

    fn totals(&self) -> Answer<'_, Totals> {
        Box::pin(async move {
            let collections = self.client.collections().await?;
            let stats = self.client.stats().await?;
            if stats.collection_names != collections
                || stats.collections != collections.len() as u64
            {
                return Err(unexpected(format!("{stats:?} and {collections:?} do not agree")));
            }
            Ok(Totals { collections, documents: stats.total_records })
        })
    }

    fn delete_collection<'a>(&'a self, collection: &'a str) -> Answer<'a, u64> {
        Box::pin(async move { Ok(self.client.delete_collection(collection).await?) })
    }

    fn changes_since<'a>(
        &'a self,
        collection: Option<&'a str>,
        since: &'a str,
        limit: u32,
    ) -> Answer<'a, Feed> {
        Box::pin(async move {
            let limit = limit.to_string();
            let parameters = [("since", since), ("limit", limit.as_str())];
            let answer = self.client.changes(collection, &parameters).await?;
            let changes = answer
                .changes
                .into_iter()
                .map(|change| Change {
                    sequence: sequence_of(&change.place),
                    place: change.place,
                    collection: change.collection,
                    id: (!change.id.is_null()).then(|| change.id.to_string()),
                    kind: change.kind,
                    revision: change.revision,
                })
                .collect();
            let next = sequence_of(&answer.next);
            Ok(Feed { changes, next, next_place: answer.next, more: answer.more })
        })
    }

    fn indexes<'a>(&'a self, collection: &'a str) -> Answer<'a, Vec<String>> {
        Box::pin(async move {
            let indexes = self.client.indexes(collection).await?;
            let text = |index: isobase_client::IndexEntry| match index.unique {
                true => format!("unique({})", index.fields),
                false => index.fields,
            };
            Ok(indexes.into_iter().map(text).collect())
        })
    }

    fn create_index<'a>(&'a self, collection: &'a str, fields: &'a str) -> Answer<'a, ()> {
        Box::pin(async move {
            match unique_fields(fields) {
                Some(fields) => self.client.create_unique_index(collection, fields).await?,
                None => self.client.create_index(collection, fields).await?,
            };
            Ok(())
        })
    }

    fn schema<'a>(&'a self, collection: &'a str) -> Answer<'a, Option<String>> {
        Box::pin(async move { Ok(self.client.schema(collection).await?) })
    }

    fn set_schema<'a>(&'a self, collection: &'a str, schema: Option<&'a str>) -> Answer<'a, ()> {
        Box::pin(async move {
            match schema {
                Some(schema) => self.client.set_schema(collection, schema).await?,
                None => {
                    self.client.delete_schema(collection).await?;
                }
            }
            Ok(())
        })
    }

    fn drop_index<'a>(&'a self, collection: &'a str, fields: &'a str) -> Answer<'a, bool> {
        Box::pin(async move {
            Ok(match unique_fields(fields) {
                Some(fields) => self.client.drop_unique_index(collection, fields).await?,
                None => self.client.drop_index(collection, fields).await?,
            })
        })
    }
}

/// The fields of an index that is written as a unique one.
fn unique_fields(index: &str) -> Option<&str> {
    index.strip_prefix("unique(")?.strip_suffix(')')
}

/// The largest body the service takes unless set otherwise.
const BODY_BYTES_MAX: usize = 8 << 20;

/// The service may answer and close before it has read a body that is too large; then the client
/// finds the pipe broken before it reads the answer.
fn refusal_of_body(error: ClientError, action: &Action) -> Refusal {
    match (&error, action) {
        (
            ClientError::Broken { .. },
            Action::Create { body } | Action::Put { body, .. } | Action::Patch { patch: body, .. },
        ) if body.len() > BODY_BYTES_MAX => Refusal::new(RefusalKind::TooLarge, error.to_string()),
        _ => error.into(),
    }
}

/// `If-Match` and `If-None-Match`.
fn headers(condition: &Condition) -> (Option<String>, Option<String>) {
    let tags = |revisions: &[String]| {
        let quoted: Vec<String> = revisions.iter().map(|r| format!("\"{r}\"")).collect();
        Some(quoted.join(", "))
    };
    match condition {
        Condition::None => (None, None),
        Condition::Exists => (Some("*".to_owned()), None),
        Condition::Missing => (None, Some("*".to_owned())),
        Condition::RevisionIn(revisions) => (tags(revisions), None),
        Condition::RevisionNotIn(revisions) => (None, tags(revisions)),
    }
}

/// An operation as the client sends it; `None` if its body is no JSON.
fn batch_operation(operation: &Operation) -> Option<BatchOperation> {
    let raw = |bytes: &Vec<u8>| RawValue::from_string(String::from_utf8(bytes.clone()).ok()?).ok();
    let (if_match, if_none_match) = headers(&operation.condition);
    let mut update = None;
    let (method, id, body, patch, upsert) = match &operation.action {
        Action::Create { body } => (BatchMethod::Create, None, Some(raw(body)?), None, false),
        Action::Put { id, body, upsert } => {
            (BatchMethod::Put, Some(id.clone()), Some(raw(body)?), None, *upsert)
        }
        Action::Patch { id, patch, form: PatchForm::Update } => {
            update = Some(raw(patch)?);
            (BatchMethod::Patch, Some(id.clone()), None, None, false)
        }
        Action::Patch { id, patch, .. } => {
            (BatchMethod::Patch, Some(id.clone()), None, Some(raw(patch)?), false)
        }
        Action::Delete { id } => (BatchMethod::Delete, Some(id.clone()), None, None, false),
    };
    Some(BatchOperation { method, id, body, patch, update, if_match, if_none_match, upsert })
}

/// The outcomes of an atomic batch that was refused: the problem names the culprits.
fn rejected_batch(problem: &Problem, operations: usize) -> BatchReport {
    let mut kinds = vec![RefusalKind::BatchRejected; operations];
    for item in &problem.errors {
        let place = item.pointer.as_deref().and_then(|p| p.strip_prefix("/operations/"));
        let place = place.and_then(|place| place.parse::<usize>().ok());
        let code = item.message.split(':').next().unwrap_or_default();
        if let Some(kind) = place.and_then(|place| kinds.get_mut(place)) {
            *kind = kind_of(code);
        }
    }
    let refusal = |kind| Err(Refusal::new(kind, problem.detail.clone()));
    let outcomes = kinds.into_iter().map(refusal).collect();
    BatchReport { outcomes, replayed: problem.replayed }
}

/// The kind a problem's code stands for.
fn kind_of(code: &str) -> RefusalKind {
    match code {
        "invalid_collection_name" => RefusalKind::InvalidCollection,
        "invalid_id" | "reserved_id" => RefusalKind::InvalidId,
        "invalid_json" | "not_an_object" | "invalid_batch" | "invalid_schema" | "invalid_patch" => {
            RefusalKind::InvalidDocument
        }
        "invalid_parameter" => RefusalKind::InvalidParameter,
        "invalid_header" => RefusalKind::InvalidRevision,
        "record_not_found" => RefusalKind::NotFound,
        "already_exists" => RefusalKind::AlreadyExists,
        "revision_conflict" => RefusalKind::RevisionConflict,
        "schema_violation" => RefusalKind::SchemaViolation,
        "write_only_field" => RefusalKind::WriteOnlyField,
        "not_unique" => RefusalKind::NotUnique,
        "reference_not_found" => RefusalKind::ReferenceNotFound,
        "referenced" => RefusalKind::Referenced,
        "forbidden" => RefusalKind::Forbidden,
        "patch_conflict" => RefusalKind::PatchConflict,
        "document_unholdable" => RefusalKind::Unholdable,
        "batch_rejected" => RefusalKind::BatchRejected,
        "body_too_large" => RefusalKind::TooLarge,
        "idempotency_mismatch" => RefusalKind::IdempotencyMismatch,
        // The one argument a request can get wrong beyond its parameters.
        "invalid_argument" => RefusalKind::ForeignCursor,
        "foreign_place" => RefusalKind::ForeignPlace,
        "limit_exceeded" => RefusalKind::LimitExceeded,
        "unsupported" => RefusalKind::Unsupported,
        "route_not_found" | "method_not_allowed" | "uri_too_long" | "malformed_request" => {
            RefusalKind::NoRoute
        }
        _ => RefusalKind::Unexpected,
    }
}

/// The id of a document's text, as JSON. It stands last, and within a string its quotes would
/// be escaped. (The text may be deeper than a parser's default bound.)
fn id_of(text: &str) -> Result<String, Refusal> {
    let id = text.rsplit_once("\"id\":").and_then(|(_, id)| id.strip_suffix('}'));
    id.map(str::to_owned).ok_or_else(|| unexpected(format!("no id at the end of {text:?}")))
}

/// A path cannot express an empty segment: it leads to the collection itself.
fn check_segments(segments: &[&str]) -> Result<(), Refusal> {
    if segments.contains(&"") {
        return Err(Refusal::new(RefusalKind::NoRoute, "a segment of the path is empty"));
    }
    Ok(())
}

fn unexpected(detail: impl Into<String>) -> Refusal {
    Refusal::new(RefusalKind::Unexpected, detail)
}

impl From<ClientError> for Refusal {
    fn from(error: ClientError) -> Self {
        let kind = match error.problem() {
            Some(problem) if problem.code == "changes_gone" => RefusalKind::ChangesGone {
                oldest: problem
                    .errors
                    .first()
                    .and_then(|error| error.message.rsplit(' ').next())
                    .map_or(0, sequence_of),
            },
            Some(problem) => kind_of(&problem.code),
            None => RefusalKind::Unexpected,
        };
        Self::new(kind, format!("{error:?}"))
    }
}

/// The number in a place: cases compare places, which callers never do. 0 when it is none.
fn sequence_of(place: &str) -> u64 {
    place.parse::<FeedPlace>().map_or(0, |place| place.sequence.0)
}
