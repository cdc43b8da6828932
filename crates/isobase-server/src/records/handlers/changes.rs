//! The change feed, in pages.

use std::{sync::Arc, time::Duration};

use http::Response;
use isobase_http::{Body, Problem, ProblemItem};
use isobase_store::{ChangesPage, ChangesRequest, ErrorKind, Store, StoreError};
use isobase_types::{CollectionName, Sequence};
use tokio::time::Instant;

use super::request;
use crate::{
    Call,
    answer::json,
    failure::{Failure, IntoProblem},
    records::{State, wire},
    request::Parameters,
};

/// Changes of a page when the caller does not say.
const LIMIT_DEFAULT: u32 = 100;

/// Longest wait for a change, in seconds.
const WAIT_MAX: u64 = 30;

/// How often a waiting request looks: it costs the database one small read.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What is left of the time a handler has when the wait ends.
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
    let limit_max = state.store.options().changes_page_max;
    let mut parameters = Parameters::parse(call.query());
    let since = parameters.take_number("since", 0, (0, i64::MAX as u64));
    let limit = parameters.take_number("limit", LIMIT_DEFAULT.min(limit_max), (1, limit_max));
    let wait = Duration::from_secs(parameters.take_number("wait", 0, (0, WAIT_MAX)));
    parameters.finish()?;
    // The wait must end before the request itself is given up.
    let wait = wait.min(call.shared().config().request_timeout.saturating_sub(MARGIN));
    let request = ChangesRequest { since: Sequence(since), collection, limit };
    let page = read(state, call, request, wait).await.map_err(|error| explain(error, since))?;
    Ok(json(&render(&page)))
}

/// Reads a page; an empty one after the wait, or when the service stops.
async fn read(
    state: &State,
    call: &Call,
    mut request: ChangesRequest,
    wait: Duration,
) -> Result<ChangesPage, StoreError> {
    let store = &state.store;
    let mut page = store.changes(request.clone()).await?;
    let deadline = Instant::now() + wait;
    while page.changes.is_empty() && Instant::now() < deadline {
        // The next look need not pass what this one has passed.
        request.since = page.next;
        tokio::select! {
            () = call.shared().stopping().cancelled() => break,
            changed = wait_for_change(store, request.since, deadline) => if !changed? { break },
        }
        page = store.changes(request.clone()).await?;
    }
    Ok(page)
}

/// Whether anything was committed after a place before the deadline.
async fn wait_for_change(
    store: &Store,
    since: Sequence,
    deadline: Instant,
) -> Result<bool, StoreError> {
    loop {
        tokio::time::sleep_until(deadline.min(Instant::now() + LOOK_EVERY)).await;
        if store.latest_sequence().await? > since {
            return Ok(true);
        }
        if Instant::now() >= deadline {
            return Ok(false);
        }
    }
}

fn explain(error: StoreError, since: u64) -> Problem {
    let oldest = match error.kind() {
        ErrorKind::ChangesGone { oldest } => Some(oldest),
        _ => None,
    };
    let problem = error.into_problem();
    match oldest {
        Some(oldest) => {
            let message = format!("the oldest place that can be read from is {oldest}");
            problem.with_item(ProblemItem::named("since", message, since.to_string()))
        }
        None => problem,
    }
}

fn render(page: &ChangesPage) -> wire::ChangesPage<'_> {
    let changes = page.changes.iter().map(|change| wire::Change {
        sequence: change.sequence.0,
        collection: change.collection.as_str(),
        id: change.id.as_ref().map(wire::Id::from),
        kind: change.kind.as_str(),
        revision: change.revision.as_ref().map(ToString::to_string),
        at: change.at,
    });
    wire::ChangesPage { changes: changes.collect(), next: page.next.0, more: page.more }
}
