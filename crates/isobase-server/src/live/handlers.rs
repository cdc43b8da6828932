//! The stream of events.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use futures_util::stream;
use http::Response;
use isobase_auth::Principal;
use isobase_http::{Body, Problem, event_stream};
use isobase_live::{Interest, Listener, Subscription};
use isobase_store::{Right, RuleAction, StoreError};
use isobase_types::Timestamp;
use tokio::time::{Instant, timeout_at};

use super::{
    State,
    problems::not_listened,
    state::grounds,
    wire::{Asked, Wanted},
};
use crate::{
    Call, codes,
    connections::{Entered, Opening},
    failure::Failure,
};

/// `GET /api/events`
pub(super) async fn stream_events(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    let mut wanted = Wanted::read(&call, &state.topics)?;
    let stopping = call.shared().stopping();
    if stopping.is_cancelled() {
        return Err(Problem::new(codes::NOT_READY, "the service stops").into());
    }
    state.end_with(stopping);
    let interests = interests(&state, &call, &mut wanted).await?;
    let topics = interests.iter().map(named).collect();
    let subscription =
        Subscription { interests, since: wanted.since, grounds: grounds(&call.principal) };
    let listener = state.hub.listen(subscription).await;
    let listener = listener.map_err(|error| not_listened(error, wanted.place))?;
    let opening = Opening { kind: "events", topics, gauge: Some(listener.gauge()) };
    let entered = state.connections.enter(&call, opening);
    Ok(answer(listener, entered, end_of(&call.principal)))
}

/// When a stream ends whatever happens: with the time for which an owner may act as somebody else.
fn end_of(principal: &Principal) -> Option<Instant> {
    let owner = principal.impersonator()?;
    let now = Timestamp::from_system_time(SystemTime::now());
    let left = u64::try_from(owner.ends.unix_us.saturating_sub(now.unix_us)).unwrap_or(0);
    Some(Instant::now() + Duration::from_micros(left))
}

/// The caller's interest, if it may hear it. A topic of which it may see nothing is refused
/// when it is named, and left out when all are wanted.
async fn interests(
    state: &State,
    call: &Call,
    wanted: &mut Wanted,
) -> Result<Vec<Interest>, StoreError> {
    let view = state.view(&call.principal);
    let mut interests = Vec::new();
    for Asked { topic, filter } in std::mem::take(&mut wanted.topics) {
        let collection = &topic.collection;
        let rights = [RuleAction::List, RuleAction::View].map(|it| view.right(collection, it));
        if rights.contains(&Right::Nothing) {
            if !wanted.named {
                continue;
            }
            let (action, anonymous) = (RuleAction::List, view.caller().user().is_none());
            let collection = collection.clone();
            return Err(StoreError::NotAllowed { collection, action, anonymous });
        }
        if let Some((_, filter)) = &filter {
            view.check_filter(collection, filter).await?;
        }
        let sight = state.sight(&view, collection);
        interests.push(match filter {
            None => Interest::whole(topic, sight),
            Some((written, filter)) => Interest { topic, filter, written, sight },
        });
    }
    Ok(interests)
}

/// A topic with its filter, as they were asked for.
fn named(interest: &Interest) -> String {
    let collection = interest.topic.collection.as_str();
    match &*interest.written {
        "" => collection.to_owned(),
        filter => format!("{collection}?{filter}"),
    }
}

fn answer(listener: Listener, entered: Entered, ends: Option<Instant>) -> Response<Body> {
    let events = stream::unfold((listener, entered), move |(mut listener, entered)| async move {
        let event = match ends {
            None => entered.pass(listener.next()).await?,
            // Rare, and larger: every listener has room for what it awaits.
            Some(ends) => {
                Box::pin(timeout_at(ends, entered.pass(listener.next()))).await.ok()??
            }
        };
        Some((Ok(event), (listener, entered)))
    });
    event_stream(events)
}
