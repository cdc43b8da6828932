//! One record: read, written, deleted.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use http::{Response, StatusCode};
use isobase_http::{Body, Problem, ProblemItem};
use isobase_store::{
    Action, Atomicity, IfMissing, Precondition, Rejection, View, WriteBatch, WriteOperation,
};
use isobase_types::{Document, DocumentId, Timestamp, json};
use isobase_writer::Pauses;

use super::{
    caller,
    fields::{Fields, quoted},
    identity::{self, RecordIds},
};
use crate::{
    Call, codes,
    data_store::{State, problems, state::collection, wire::PUT_MEMBERS},
    failure::Failure,
    request::{document, no_parameters, require_json},
};

/// Longest name of a namespace, in bytes. Ours: an id has 1,500, and the key wants most of them.
const NAMESPACE_BYTES_MAX: usize = 128;

/// How often a change is tried again when another service changed the record meanwhile.
const ATTEMPTS_MAX: u32 = 50;

/// Pauses between two attempts: the first, and the longest.
const PAUSE_FIRST: Duration = Duration::from_millis(2);
const PAUSE_MAX: Duration = Duration::from_millis(50);

/// A record as the path and the headers name it.
struct Named {
    user: String,
    namespace: String,
    key: String,
    ids: RecordIds,
}

impl Named {
    fn of(call: &Call) -> Result<Self, Problem> {
        let user = caller::user(call)?;
        let namespace = namespace(call)?;
        let key = call.parameter(1).to_owned();
        let ids = RecordIds::of(&user, &namespace, &key)
            .map_err(|error| problems::too_long(&key, &error))?;
        Ok(Self { user, namespace, key, ids })
    }

    /// Whether a document is this record, and not one whose id is the same text.
    fn is(&self, document: &Document) -> bool {
        let fields = Fields::read(&document.body);
        let namespace = fields.text("namespace").unwrap_or_else(|| identity::DEFAULT.to_owned());
        fields.text("userId").is_none_or(|user| user == self.user) && namespace == self.namespace
    }

    /// The record as it is, and the id that it has or would get.
    async fn find(&self, view: &View) -> Result<(DocumentId, Option<Document>), Failure> {
        let mut free = None;
        for id in self.ids.all() {
            match view.get(&collection(), id).await? {
                Some(document) if self.is(&document) => return Ok((id.clone(), Some(document))),
                Some(_) => {}
                None => free = free.or_else(|| Some(id.clone())),
            }
        }
        let id = free.ok_or_else(|| {
            let detail = "another program keeps something else under the id of this record";
            Problem::new(codes::UNAVAILABLE, detail)
        })?;
        Ok((id, None))
    }

    fn not_found(&self) -> Problem {
        problems::not_found(&self.key, &self.namespace)
    }
}

/// The namespace in the path.
pub(super) fn namespace(call: &Call) -> Result<String, Problem> {
    let namespace = call.parameter(0);
    if namespace.len() > NAMESPACE_BYTES_MAX || namespace.chars().any(char::is_control) {
        return Err(problems::invalid_namespace(namespace, NAMESPACE_BYTES_MAX));
    }
    Ok(namespace.to_owned())
}

/// `GET /data-store/namespaces/{namespace}/records/{key}`
pub(crate) async fn get_data(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let named = Named::of(&call)?;
    let Some(agent) = caller::counted_agent(&call)? else {
        let (_, document) = named.find(&state.view(&call)).await?;
        let document = document.ok_or_else(|| named.not_found())?;
        return Ok(answer(&document.id, &document.body));
    };
    let view = state.view(&call);
    let counted = change(&state, &view, &named, |current, now| {
        let mut fields = Fields::read(&current?.body);
        let count = fields.get("accessCount").and_then(integer);
        fields.set("accessCount", count.unwrap_or_default().saturating_add(1).to_string());
        fields.set_text("lastAccessedByAgent", Some(&agent));
        fields.set("lastAccessedAt", quoted(&now.to_string()));
        Some(fields.to_text())
    });
    let (id, body) = counted.await?.ok_or_else(|| named.not_found())?;
    Ok(answer(&id, &body))
}

/// `PUT /data-store/namespaces/{namespace}/records/{key}`
pub(crate) async fn put_data(state: Arc<State>, mut call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    require_json(&call.headers)?;
    let named = Named::of(&call)?;
    let agent = caller::agent(&call)?;
    let body = document(call.take_body()).await?;
    let given = Given::read(&body)?;
    let view = state.view(&call);
    let written = change(&state, &view, &named, |current, now| {
        let now = quoted(&now.to_string());
        let mut fields = match current {
            Some(document) => Fields::read(&document.body),
            None => new_record(&named, agent.as_deref(), &now),
        };
        fields.set("value", given.value.as_str());
        let mut metadata = Fields::read(fields.get("metadata").unwrap_or("{}"));
        metadata.merge(given.metadata.clone());
        fields.set("metadata", metadata.to_text());
        fields.set("updatedAt", now.as_str());
        if let Some(agent) = &agent {
            fields.set_text("lastAccessedByAgent", Some(agent));
            fields.set("lastAccessedAt", now);
        }
        Some(fields.to_text())
    });
    let (id, body) = written.await?.ok_or_else(|| named.not_found())?;
    Ok(answer(&id, &body))
}

/// `DELETE /data-store/namespaces/{namespace}/records/{key}`
pub(crate) async fn delete_data(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let named = Named::of(&call)?;
    let view = state.view(&call);
    let _turn = state.turns.of(named.ids.plain()).await;
    let mut pauses = pauses();
    for _ in 0..ATTEMPTS_MAX {
        let (id, document) = named.find(&view).await?;
        let document = document.ok_or_else(|| named.not_found())?;
        // What takes its place meanwhile may be another record.
        let precondition = Precondition::RevisionIn(vec![document.revision]);
        match write(&view, Action::Delete { id }, precondition).await? {
            Ok(()) => return Ok(Body::no_content(StatusCode::NO_CONTENT)),
            Err(Rejection::RevisionConflict { .. }) => {}
            Err(rejection) => return Err(rejection.into()),
        }
        pauses.wait().await;
    }
    Err(too_many_changes().into())
}

/// The record that a caller puts.
struct Given {
    value: String,
    metadata: Fields,
}

impl Given {
    fn read(body: &str) -> Result<Self, Problem> {
        let fields = Fields::read(body);
        let mut faults = Vec::new();
        for name in fields.unknown(&PUT_MEMBERS) {
            let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
            faults.push(ProblemItem::at(pointer, "expected only value and metadata"));
        }
        let value = fields.get("value");
        if value.is_none() {
            faults.push(ProblemItem::at("", "expected a member value"));
        }
        let metadata = fields.get("metadata").filter(|metadata| *metadata != "null");
        if metadata.is_some_and(|metadata| !metadata.starts_with('{')) {
            faults.push(ProblemItem::at("/metadata", "expected an object"));
        }
        match value {
            Some(value) if faults.is_empty() => Ok(Self {
                value: value.to_owned(),
                metadata: metadata.map(Fields::read).unwrap_or_default(),
            }),
            _ => Err(problems::invalid_record(faults)),
        }
    }
}

/// A count as another program may have stored it: where every number is a float, 3 is `3.0`.
fn integer(text: &str) -> Option<i64> {
    /// From here on not every integer is a float.
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    text.parse().ok().or_else(|| {
        let float: f64 = text.parse().ok()?;
        (float.fract() == 0.0 && float.abs() < EXACT_MAX).then_some(float as i64)
    })
}

fn new_record(named: &Named, agent: Option<&str>, now: &str) -> Fields {
    let mut fields = Fields::default();
    fields.set_text("userId", Some(&named.user));
    fields.set_text("namespace", Some(&named.namespace));
    fields.set_text("key", Some(&named.key));
    fields.set("value", "null");
    fields.set("metadata", "{}");
    fields.set_text("createdByAgent", agent);
    fields.set_text("lastAccessedByAgent", agent);
    fields.set("accessCount", "0");
    fields.set("createdAt", now);
    fields.set("updatedAt", now);
    fields.set_text("lastAccessedAt", None);
    fields
}

/// Changes a record from what it is: reads it, asks for its new body, writes that if no one else
/// wrote meanwhile, and tries again if somebody did. `None` if there is nothing to write.
async fn change(
    state: &State,
    view: &View,
    named: &Named,
    edit: impl Fn(Option<&Document>, Timestamp) -> Option<String>,
) -> Result<Option<(DocumentId, String)>, Failure> {
    let _turn = state.turns.of(named.ids.plain()).await;
    let mut pauses = pauses();
    for _ in 0..ATTEMPTS_MAX {
        let (id, current) = named.find(view).await?;
        let now = Timestamp::from_system_time(SystemTime::now());
        let Some(body) = edit(current.as_ref(), now) else { return Ok(None) };
        let precondition = match current {
            Some(document) => Precondition::RevisionIn(vec![document.revision]),
            None => Precondition::Missing,
        };
        let put = (id.clone(), body.clone());
        let action = Action::Put { id: put.0, body: put.1, if_missing: IfMissing::Create };
        match write(view, action, precondition).await? {
            Ok(()) => return Ok(Some((id, body))),
            Err(Rejection::RevisionConflict { .. } | Rejection::AlreadyExists) => {}
            Err(rejection) => return Err(rejection.into()),
        }
        // Only another process can have come between; it needs as long as this one.
        pauses.wait().await;
    }
    Err(too_many_changes().into())
}

fn too_many_changes() -> Problem {
    let detail = "the record is changed by too many others at once; nothing was written";
    Problem::new(codes::UNAVAILABLE, detail)
}

/// Pauses after another process came between.
fn pauses() -> Pauses {
    Pauses::new(PAUSE_FIRST, PAUSE_MAX)
}

async fn write(
    view: &View,
    action: Action,
    precondition: Precondition,
) -> Result<Result<(), Rejection>, Failure> {
    let operation = WriteOperation { collection: collection(), action, precondition };
    let batch = WriteBatch { operations: vec![operation], ..WriteBatch::default() };
    let mut report = view.write(batch, Atomicity::EachAlone).await?;
    let outcome = report.outcomes.pop();
    let missing = || Problem::internal("one operation did not have one outcome");
    Ok(outcome.ok_or_else(missing)?.map(|_| ()))
}

fn answer(id: &DocumentId, body: &str) -> Response<Body> {
    let mut out = Vec::with_capacity(body.len() + 80);
    render(id, body, &mut out);
    Body::json(StatusCode::OK, out)
}

/// A record as callers see it: `_id`, then its fields.
pub(super) fn render(id: &DocumentId, body: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"_id\":");
    json::write_string(&id.to_string(), out);
    if body.len() > 2 {
        out.push(b',');
    }
    out.extend_from_slice(body.strip_prefix('{').unwrap_or(body).as_bytes());
}
