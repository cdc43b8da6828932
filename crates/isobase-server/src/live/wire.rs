//! How the route of events is described, and how its parameters are read.

use std::sync::Arc;

use isobase_http::{Answer, Content, Location, Operation, Parameter, Problem};
use isobase_live::Topic;
use isobase_store::Since;
use isobase_types::{Filter, InvalidParameter, Query, QueryLimits};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::problems::{LAST_EVENT_ID, invalid_id};
use crate::{Call, codes, connections::Connection, request::Parameters};

const EXAMPLE: &str = "event: connected\ndata: {}\nid: AQEjRWeJq83vAAAAAAAAAAAAAAAAAAAADQ\n\n\
    event: item_created\n\
    data: {\"id\":1,\"user_id\":1,\"name\":\"milk\",\"done\":0,\
    \"created_at\":\"2026-11-20 14:09:00\"}\n\
    id: AQEjRWeJq83vAAAAAAAAAAAAAAAAAAAADg\n\n";

/// Parameters of a listing that are no conditions.
const NO_CONDITIONS: [&str; 8] =
    ["sort", "limit", "cursor", "page", "fields", "count", "meta", "upsert"];

/// A topic, and the filter as it was written and as it is.
pub(super) struct Asked {
    pub(super) topic: Arc<Topic>,
    pub(super) filter: Option<(Box<str>, Filter)>,
}

/// A caller's interest, and from where on.
pub(super) struct Wanted {
    pub(super) topics: Vec<Asked>,
    /// The topics were named.
    pub(super) named: bool,
    pub(super) since: Option<Since>,
    /// Where the place was given, and how.
    pub(super) place: Option<(&'static str, String)>,
}

impl Wanted {
    /// Reads the parameters and the header of a call.
    pub(super) fn read(call: &Call, topics: &[Arc<Topic>]) -> Result<Self, Problem> {
        let mut parameters = Parameters::parse(call.query());
        let (mut topics, named) = take_topics(&mut parameters, topics);
        for Asked { topic, filter } in &mut topics {
            let name = format!("filter[{}]", topic.collection.as_str());
            if let Some(value) = parameters.take(&name) {
                *filter = take_filter(&mut parameters, &name, value);
            }
        }
        let asked = parameters.take("since");
        let since = asked.as_deref().map(Since::parse);
        if let (Some(text), Some(Err(refused))) = (&asked, &since) {
            parameters.fault("since", text, &refused.to_string());
        }
        parameters.finish()?;
        // Where a client was when it lost the stream is later than where it began.
        if let Some(text) = last_event_id(call)? {
            let since = Since::parse(&text).map_err(|error| invalid_id(&text, error))?;
            return Ok(Self {
                topics,
                named,
                since: Some(since),
                place: Some((LAST_EVENT_ID, text)),
            });
        }
        let since = since.and_then(Result::ok);
        Ok(Self { topics, named, since, place: asked.map(|text| ("since", text)) })
    }
}

/// The topics that are named; all when none is.
fn take_topics(parameters: &mut Parameters, topics: &[Arc<Topic>]) -> (Vec<Asked>, bool) {
    let whole = |topic: &Arc<Topic>| Asked { topic: topic.clone(), filter: None };
    let Some(named) = parameters.take("topics") else {
        return (topics.iter().map(whole).collect(), false);
    };
    let mut found: Vec<Asked> = Vec::new();
    for name in named.split(',') {
        let of = |topic: &&Arc<Topic>| topic.collection.as_str() == name;
        match topics.iter().find(of) {
            Some(topic) if found.iter().any(|there| Arc::ptr_eq(&there.topic, topic)) => {}
            Some(topic) => found.push(whole(topic)),
            None => {
                let names: Vec<&str> = topics.iter().map(|it| it.collection.as_str()).collect();
                let message = match names.is_empty() {
                    true => "no collection makes events; declare one with event = \"…\"".to_owned(),
                    false => format!("expected some of {}", names.join(", ")),
                };
                parameters.fault("topics", name, &message);
            }
        }
    }
    (found, true)
}

/// A filter as a listing takes it, the query string of one as a value.
fn take_filter(
    parameters: &mut Parameters,
    name: &str,
    value: String,
) -> Option<(Box<str>, Filter)> {
    let (pairs, mut faults) = Parameters::parse(&value).into_rest();
    for (given, of) in pairs.iter().filter(|(given, _)| NO_CONDITIONS.contains(&given.as_str())) {
        faults.push(InvalidParameter::new(given, of, "expected conditions only"));
    }
    let query = Query::parse(&pairs, &QueryLimits::default());
    let filter = query.map_err(|found| faults.extend(found));
    let fields = filter.iter().flat_map(|query| query.filter.fields());
    for field in fields.filter(|field| field.time().is_some()) {
        let message = "events cannot be chosen by a time that the store keeps";
        faults.push(InvalidParameter::new(&field.to_string(), "", message));
    }
    for fault in &faults {
        parameters.fault(name, &value, &format!("{}: {}", fault.parameter, fault.message));
    }
    let filter = filter.ok().filter(|_| faults.is_empty())?.filter;
    Some((value.into(), filter))
}

/// Where the client was. An empty header means nowhere: some send it when they know of no id.
fn last_event_id(call: &Call) -> Result<Option<String>, Problem> {
    let Some(value) = call.headers.get(LAST_EVENT_ID) else { return Ok(None) };
    let text = String::from_utf8_lossy(value.as_bytes());
    let text = text.trim();
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

pub(super) fn stream_events() -> Operation {
    let topics = Parameter::new(
        Location::Query,
        "topics",
        "Names of collections, with commas. Without it every collection that makes events.",
    )
    .example("items,posts");
    let filter = Parameter::new(
        Location::Query,
        "filter[{topic}]",
        "Only documents of that collection that meet this: conditions as in a listing, \
         percent-encoded as one value. A document that does not meet them any more is told as \
         deleted.",
    )
    .example("user_id=1&done=0");
    let since = Parameter::new(
        Location::Query,
        "since",
        "Begin after this place: one of the change feed, or the id of an event. `Last-Event-ID` \
         comes before it.",
    )
    .schema(json!({ "type": "string", "default": "now" }));
    let last = Parameter::new(
        Location::Header,
        "Last-Event-ID",
        "The id of the last event that was seen; browsers send it by themselves. What happened \
         since is told first.",
    );
    Operation::new("stream_events", "events", "Listen to changes")
        .description(
            "A stream of server-sent events (`text/event-stream`): `connected`, then \
             `{item}_created` and `{item}_updated` with the row, `{item}_deleted` with its id, \
             `ping` after 30 s without another, and `gap` when something was left out: read the \
             lists of its `topics` again. Every event has an id, and a client that comes back with \
             it, to any node over the same database, misses nothing. The stream ends when the \
             right to listen ends or changes, and when the service stops; it is never answered \
             with 503, after which browsers do not come back.",
        )
        .parameters([topics, filter, since, last])
        .answers(
            Answer::new(200, "The stream.")
                .headers([
                    ("X-Accel-Buffering", "`no`: proxies pass events on at once."),
                    ("Cache-Control", "`no-cache`."),
                ])
                .content(Content::text("text/event-stream").example(EXAMPLE)),
        )
        .problems([
            codes::INVALID_PARAMETER,
            codes::INVALID_HEADER,
            codes::FOREIGN_PLACE,
            codes::UNSUPPORTED,
        ])
}

/// The open streams of the process that answers.
#[derive(Serialize, JsonSchema)]
pub(super) struct Connections {
    pub(super) connections: Vec<Connected>,
}

/// An open stream, and who reads it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Connection")]
pub(super) struct Connected {
    /// Its number in this process.
    id: u64,
    #[schemars(extend("enum" = ["events", "requests"]))]
    kind: &'static str,
    /// The id of who reads it: `account:1`, that of a key, `internal`, `open`, `anonymous`.
    principal: String,
    /// The name that people know for the account or key.
    name: Option<String>,
    address: String,
    /// The program that reads it, as it calls itself.
    agent: Option<String>,
    /// Collections, each with its filter; of the request log the parameters.
    topics: Vec<String>,
    since: String,
    /// Events that were handed to the connection.
    sent_events: u64,
    sent_bytes: u64,
    /// Events that wait for a slow reader; null where nothing is queued.
    waiting_events: Option<usize>,
    waiting_bytes: Option<usize>,
    /// For how long something has waited without a moment in which nothing did.
    lag_ms: Option<u64>,
}

impl Connected {
    pub(super) fn of(connection: &Connection) -> Self {
        let (sent_events, sent_bytes) = connection.sent();
        let behind = connection.behind();
        Self {
            id: connection.number,
            kind: connection.kind,
            principal: connection.principal.clone(),
            name: connection.name.clone(),
            address: connection.address.to_string(),
            agent: connection.agent.clone(),
            topics: connection.topics.clone(),
            since: connection.since.to_string(),
            sent_events,
            sent_bytes,
            waiting_events: behind.map(|behind| behind.events),
            waiting_bytes: behind.map(|behind| behind.bytes),
            lag_ms: behind.map(|behind| behind.lag.as_millis().try_into().unwrap_or(u64::MAX)),
        }
    }
}

/// A stream was cut.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CutConnection")]
pub(super) struct Cut {
    pub(super) ok: bool,
}

pub(super) fn list_connections() -> Operation {
    Operation::new("list_connections", "events", "List the open streams")
        .description(
            "Who listens now to the events and the request log of the process that answers: with \
             several nodes, ask each of them.",
        )
        .answers(
            Answer::new(200, "The streams, the oldest first.")
                .content(Content::of::<Connections>()),
        )
        .problems([codes::INVALID_PARAMETER])
}

pub(super) fn cut_connection() -> Operation {
    Operation::new("cut_connection", "events", "Cut an open stream")
        .description(
            "Ends the stream. A client that comes back by itself misses nothing and is let in as \
             long as its session or key is; end that to keep it out. Written to the audit.",
        )
        .parameters([Parameter::new(Location::Path, "connection", "Its number.").example("1")])
        .answers(Answer::new(200, "It is cut.").content(Content::like(&Cut { ok: true })))
        .problems([codes::CONNECTION_NOT_FOUND, codes::INVALID_PARAMETER])
}
