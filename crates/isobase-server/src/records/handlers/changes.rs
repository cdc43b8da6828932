//! The change feed, in pages.

use std::{sync::Arc, time::Duration};

use http::{Response, StatusCode};
use isobase_http::{Body, Problem, ProblemItem};
use isobase_store::{FeedPage, FeedPlace, FeedRequest, Since, StoreError};
use isobase_types::{Change, ChangeKind, CollectionName, DocumentId, Sequence};
use tokio::time::{Instant, timeout_at};

use super::request;
use crate::{
    Call,
    answer::splice,
    failure::{Failure, IntoProblem},
    records::{
        State,
        wire::{self, View},
    },
    request::Parameters,
};

/// Changes of a page when the caller does not say.
const LIMIT_DEFAULT: u32 = 100;

/// Longest wait for a change, in seconds.
const WAIT_MAX: u64 = 30;

/// The rest of the time a handler has when the wait ends.
const MARGIN: Duration = Duration::from_secs(5);

/// `GET /changes`
pub(crate) async fn list_changes(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    answer_page(&state, &call, None).await
}

/// `GET /records/{collection}/changes`
pub(crate) async fn list_collection_changes(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    let collection = request::collection(&call)?;
    answer_page(&state, &call, Some(collection)).await
}

async fn answer_page(
    state: &State,
    call: &Call,
    collection: Option<CollectionName>,
) -> Result<Response<Body>, Failure> {
    let limit_max = state.views.store().options().changes_page_max;
    let mut parameters = Parameters::parse(call.query());
    let given = parameters.take("since");
    let since = Since::parse(given.as_deref().unwrap_or("0"));
    if let (Some(given), Err(refused)) = (&given, &since) {
        parameters.fault("since", given, &refused.to_string());
    }
    let limit = parameters.take_number("limit", LIMIT_DEFAULT.min(limit_max), (1, limit_max));
    let wait = Duration::from_secs(parameters.take_number("wait", 0, (0, WAIT_MAX)));
    let bodies = match parameters.take("include").as_deref() {
        None => false,
        Some("body") => true,
        Some(other) => {
            parameters.fault("include", other, "expected body");
            false
        }
    };
    let id = match (&collection, parameters.take("id")) {
        (Some(_), Some(text)) => {
            let id = DocumentId::parse(&text);
            id.map_err(|error| parameters.fault("id", &text, &error.to_string())).ok()
        }
        (None, Some(text)) => {
            parameters.fault("id", &text, "expected with the changes of one collection only");
            None
        }
        (_, None) => None,
    };
    parameters.finish()?;
    // The wait must end before the request itself is given up.
    let wait = wait.min(call.shared().config().request_timeout.saturating_sub(MARGIN));
    let since = since.unwrap_or(Since::Start);
    let request = FeedRequest { since, collection, limit, bodies };
    let page = match &id {
        Some(id) => read_of(state, call, request, id).await,
        None => read(state, call, request, wait).await,
    };
    let page = page.map_err(|error| explain(error, given.unwrap_or_default()))?;
    Ok(Body::json(StatusCode::OK, render(&page, bodies)))
}

/// Reads a page; an empty one after the wait, or when the service stops.
async fn read(
    state: &State,
    call: &Call,
    mut request: FeedRequest,
    wait: Duration,
) -> Result<FeedPage, StoreError> {
    let documents = state.view(call);
    let mut page = documents.changes(request.clone()).await?;
    let deadline = Instant::now() + wait;
    while page.changes.is_empty() && Instant::now() < deadline {
        let changed = documents.wait_for_change(page.next, request.collection.as_ref());
        tokio::select! {
            () = call.shared().stopping().cancelled() => break,
            changed = timeout_at(deadline, changed) => match changed {
                Ok(changed) => changed?,
                Err(_) => break,
            },
        }
        // The next look need not pass what this one has passed.
        request.since = Since::Place(page.next);
        page = documents.changes(request.clone()).await?;
    }
    Ok(page)
}

/// Reads what happened to one document: of each page that is looked through, what concerns it.
/// Bodies are read of those entries alone.
async fn read_of(
    state: &State,
    call: &Call,
    request: FeedRequest,
    id: &DocumentId,
) -> Result<FeedPage, StoreError> {
    let documents = state.view(call);
    let limit = state.views.store().options().changes_page_max;
    let mut page =
        documents.changes(FeedRequest { bodies: false, limit, ..request.clone() }).await?;
    // The deletion of the whole collection is that of the document, too.
    page.changes.retain(|change| change.id.as_ref().is_none_or(|it| it == id));
    let most = usize::try_from(request.limit).unwrap_or(usize::MAX);
    if page.changes.len() > most {
        page.changes.truncate(most);
        page.more = true;
        if let Some(last) = page.changes.last() {
            page.next = page.place_of(last);
        }
    }
    if !request.bodies {
        return Ok(page);
    }
    for index in 0..page.changes.len() {
        let change = &page.changes[index];
        let place = page.place_of(change);
        let before = Sequence(place.sequence.0.saturating_sub(1));
        let since = Since::Place(FeedPlace { sequence: before, ..place });
        let collection = Some(change.collection.clone());
        let one = FeedRequest { since, collection, limit: 1, bodies: true };
        let found = documents.changes(one).await?.changes.into_iter().next();
        // It may have left the feed meanwhile: then its body is not told.
        if let Some(found) = found.filter(|found| found.sequence == page.changes[index].sequence) {
            page.changes[index] = found;
        }
    }
    Ok(page)
}

/// Names the parameter where it is at fault.
fn explain(error: StoreError, since: String) -> Problem {
    let message = match &error {
        StoreError::ChangesGone { oldest } => {
            Some(format!("the oldest place that can be read from is {oldest}"))
        }
        StoreError::ForeignPlace(foreign) => Some(foreign.to_string()),
        _ => None,
    };
    let problem = error.into_problem();
    match message {
        Some(message) => problem.with_item(ProblemItem::named("since", message, since)),
        None => problem,
    }
}

/// A page as text: bodies are spliced into it as they are kept.
fn render(page: &FeedPage, bodies: bool) -> Vec<u8> {
    let kept: usize = page.changes.iter().map(|change| change.kept.body.bytes()).sum();
    let mut out = Vec::with_capacity(64 + page.changes.len() * 224 + kept);
    out.extend_from_slice(b"{\"changes\":[");
    for (index, change) in page.changes.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        render_change(page, change, bodies, &mut out);
    }
    out.push(b']');
    let rest = wire::ChangesPage {
        changes: wire::SplicedChanges,
        next: page.next.to_string(),
        more: page.more,
    };
    splice(&mut out, &rest);
    out
}

/// What a change left nothing of has no body.
fn render_change(page: &FeedPage, change: &Change, bodies: bool, out: &mut Vec<u8>) {
    let body = change.kept.body.text().filter(|_| bodies);
    let leaves_one = matches!(change.kind, ChangeKind::Created | ChangeKind::Updated);
    let entry = wire::Change {
        place: page.place_of(change).to_string(),
        collection: change.collection.as_str(),
        id: change.id.as_ref().map(wire::Id::from),
        kind: change.kind.as_str(),
        revision: change.revision.as_ref().map(ToString::to_string),
        at: change.at,
        body: wire::SplicedBody,
        body_omitted: (bodies && leaves_one && body.is_none()).then_some(true),
    };
    out.push(b'{');
    splice(out, &entry);
    if let (Some(body), Some(id)) = (body, &change.id) {
        out.pop();
        out.extend_from_slice(b",\"body\":");
        View::write_open(body, out);
        View::write_id(id, out);
        out.push(b'}');
    }
}
