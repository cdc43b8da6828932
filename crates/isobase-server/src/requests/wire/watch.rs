//! The log as it is written.

use isobase_http::{Answer, Content, Location, Operation, Parameter};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::{
    described::{maybe, operation},
    list::{choosing, entry},
};
use crate::codes;

/// Entries that a watcher of the log is not told of.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "MissedRequests")]
pub(in crate::requests) struct Left {
    /// `too_slow`, `too_far` or `past_gone`.
    pub(in crate::requests) reason: String,
    /// How many of those it asked for; null where they were not counted.
    pub(in crate::requests) missed: Option<u64>,
    pub(in crate::requests) first_id: i64,
    pub(in crate::requests) last_id: i64,
    /// When the first of them was, where they were counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::requests) from: Option<String>,
    /// When the last of them was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::requests) to: Option<String>,
}

pub(in crate::requests) fn stream_requests() -> Operation {
    let data = |value: serde_json::Result<Value>| value.unwrap_or_default().to_string();
    let missed = Left {
        reason: "too_slow".to_owned(),
        missed: Some(37),
        first_id: 8,
        last_id: 44,
        from: Some("2026-11-30T12:00:01.000000Z".to_owned()),
        to: Some("2026-11-30T12:00:02.000000Z".to_owned()),
    };
    let example = format!(
        "event: connected\ndata: {{}}\nid: 6\n\nevent: request\ndata: {}\nid: 7\n\n\
         event: gap\ndata: {}\nid: 44\n\n",
        data(serde_json::to_value(entry())),
        data(serde_json::to_value(missed))
    );
    choosing(operation("stream_requests", "Watch the log"))
        .description(
            "A stream of server-sent events: `connected`, then `request` with each new entry that \
             the filters choose, whichever process over the same database logged it, within about \
             a second; `ping` after 30 s without another. A reader that takes them too slowly is told by \
             `gap` how many were left out, and from when to when they were: the list has them. Every \
             event has the number of an entry as its id; a client that comes back with it as \
             `Last-Event-ID` is told up to 10,000 entries that it missed. The stream ends within \
             seconds when the right to read the log is taken away, and when the service stops.",
        )
        .parameters([
            maybe("since", "Begin after the entry with this number. `Last-Event-ID` comes before it."),
            Parameter::new(
                Location::Header,
                "Last-Event-ID",
                "The id of the last event that was seen; browsers send it by themselves.",
            ),
        ])
        .answers(
            Answer::new(200, "The stream.")
                .content(Content::text("text/event-stream").example(example)),
        )
        .problems([codes::INVALID_HEADER])
}
