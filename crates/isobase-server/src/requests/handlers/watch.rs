//! The log as it grows, as a stream of server-sent events.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Method, Response};
use isobase_http::{Asked, Body, Door, Gate, Problem, ProblemItem, Refusal, event_stream};
use isobase_live::Piece;
use isobase_requests::{Missed, Told, Watcher};
use tokio::{
    select,
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::list;
use crate::{
    Call, codes,
    connections::Opening,
    failure::Failure,
    request::Parameters,
    requests::{
        State,
        state::READ,
        wire::{Left, LoggedRequest},
    },
};

const LAST_EVENT_ID: &str = "last-event-id";
/// Characters of its parameters by which a stream is listed.
const QUERY_SHOWN: usize = 200;

/// How long nothing else is told before a `ping`: as live events.
const PING: Duration = Duration::from_secs(30);
/// How often it is asked whether a watcher still may.
const ASKED_EVERY: Duration = Duration::from_secs(5);

/// `GET /api/v1/db/requests/stream`
pub(crate) async fn stream_requests(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    let mut parameters = Parameters::parse(call.query());
    let since = parameters.take("since").filter(|text| !text.is_empty());
    let read = since.as_deref().map(number);
    if let (Some(text), Some(None)) = (&since, read) {
        parameters.fault("since", text, "expected the number of an entry");
    }
    let query = list::query(&state, parameters)?;
    // Where a client was when it lost the stream is later than where it began.
    let since = last_event_id(&call)?.or(read.flatten());
    let stopping = call.shared().stopping().clone();
    if stopping.is_cancelled() {
        return Err(Problem::new(codes::NOT_READY, "the service stops").into());
    }
    let watcher = state.tail.watch(&query, since).await?;
    let topics = Some(call.query()).filter(|query| !query.is_empty());
    let topics = topics.map(|query| query.chars().take(QUERY_SHOWN).collect());
    let opening = Opening { kind: "requests", topics: topics.into_iter().collect(), gauge: None };
    let entered = state.connections.enter(&call, opening);
    let greeting = event("connected", b"{}", watcher.place());
    let (client, door) = (call.client(), call.door());
    let now = Instant::now();
    let watching = Watching {
        state,
        headers: call.headers,
        client,
        door,
        stopping,
        watcher,
        greeting: Some(greeting),
        spoken_at: now,
        asked_at: now,
    };
    let events = stream::unfold((watching, entered), |(mut watching, entered)| async move {
        let event = entered.pass(watching.next()).await?;
        Some((Ok(event), (watching, entered)))
    });
    Ok(event_stream(events))
}

/// One who watches, and by which right.
struct Watching {
    state: Arc<State>,
    headers: HeaderMap,
    client: std::net::IpAddr,
    door: Door,
    stopping: CancellationToken,
    watcher: Watcher,
    greeting: Option<Bytes>,
    spoken_at: Instant,
    /// When the right was asked for last.
    asked_at: Instant,
}

impl Watching {
    /// The next event; `None` if there will be no more.
    async fn next(&mut self) -> Option<Piece> {
        if let Some(greeting) = self.greeting.take() {
            return Some(greeting.into());
        }
        loop {
            if self.asked_at.elapsed() >= ASKED_EVERY {
                if !self.still_may().await {
                    return None;
                }
                self.asked_at = Instant::now();
            }
            let due = (self.spoken_at + PING).min(self.asked_at + ASKED_EVERY);
            let told = select! {
                () = self.stopping.cancelled() => return None,
                told = timeout_at(due, self.watcher.next()) => told,
            };
            let event = match told {
                Ok(Ok(told)) => self.render(&told),
                Ok(Err(error)) => {
                    tracing::warn!(%error, "one who watches the request log is cut off: {error}");
                    return None;
                }
                Err(_) if self.spoken_at.elapsed() >= PING => {
                    self.watcher.pass();
                    event("ping", b"{}", self.watcher.place())
                }
                Err(_) => continue,
            };
            self.spoken_at = Instant::now();
            return Some(event.into());
        }
    }

    fn render(&self, told: &Told) -> Bytes {
        let (name, data) = match told {
            Told::Entry(entry) => {
                ("request", serde_json::to_vec(&LoggedRequest::of((**entry).clone())))
            }
            Told::Missed(missed) => ("gap", serde_json::to_vec(&Left::of(missed.clone()))),
        };
        let data = data.expect("wire types have text keys and always serialise");
        event(name, &data, self.watcher.place())
    }

    /// Whether the same credentials may still read the log. An outage takes no right away.
    async fn still_may(&self) -> bool {
        let asked = Asked {
            method: &Method::GET,
            headers: &self.headers,
            client: self.client,
            door: self.door,
            permission: READ,
        };
        match self.state.gate.admit(asked).await {
            Ok(_) => true,
            Err(Refusal::Unauthenticated(_)) => false,
            Err(Refusal::Other(problem)) => problem.code().status().is_server_error(),
        }
    }
}

/// The text of an event, as live events have it: the id is the last line.
fn event(name: &str, data: &[u8], place: i64) -> Bytes {
    let mut out = format!("event: {name}\ndata: ").into_bytes();
    // JSON as it is written here has no line breaks.
    out.extend_from_slice(data);
    out.extend_from_slice(format!("\nid: {place}\n\n").as_bytes());
    out.into()
}

fn number(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// Where the client was. An empty header means nowhere: some send it when they know of no id.
fn last_event_id(call: &Call) -> Result<Option<i64>, Problem> {
    let Some(value) = call.headers.get(LAST_EVENT_ID) else { return Ok(None) };
    let text = String::from_utf8_lossy(value.as_bytes());
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    number(text).map(Some).ok_or_else(|| {
        let message = "expected the number of an entry";
        let detail = format!("the header {LAST_EVENT_ID} is refused: {message}");
        Problem::new(codes::INVALID_HEADER, detail).with_item(ProblemItem::named(
            LAST_EVENT_ID,
            message,
            text,
        ))
    })
}

impl Left {
    fn of(missed: Missed) -> Self {
        let (from, to) = missed.moments.unzip();
        Self {
            reason: missed.reason.as_str().to_owned(),
            missed: missed.entries,
            first_id: missed.ids.0,
            last_id: missed.ids.1,
            from,
            to,
        }
    }
}
