//! The change feed, and live events.

use std::time::Duration;

use isobase::OpenOptions;
use isobase_server::LiveOptions;

use super::super::{
    kinds::{List, Span, Whole},
    setting::Setting,
};

super::settings! {
    static CHANGES_KEEP_FOR: Setting<Duration> = Setting::new(
        "changes.keep_for",
        &Span,
        || OpenOptions::default().retention.changes,
        "How long changes stay in the change feed. The memory engine has no such limit.",
    );

    static CHANGES_KEEP_COUNT: Setting<u64> = Setting::new(
        "changes.keep_count",
        &Whole::from(1),
        || OpenOptions::default().retention.changes_max,
        "Most changes kept; older ones leave the feed early. The memory engine keeps at most \
         1,000,000.",
    );

    static CHANGES_BODIES_OF: Setting<Vec<String>> = Setting::new(
        "changes.bodies_of",
        &List::COLLECTIONS,
        Vec::new,
        "Collections whose changes keep the document as each write left it, for \
         `GET /changes?include=body`. Such a write stores the document twice. A body that the database \
         cannot hold beside its document (390 kB on DynamoDB, 1 MB on CouchDB and Firestore) is left \
         out, and its change says so.",
    );

    static EVENTS_PING: Setting<Duration> = Setting::new(
        "events.ping",
        &Span,
        || LiveOptions::default().ping,
        "A listener of `GET /api/events` that was told nothing for so long gets a `ping`. Clients and \
         proxies that end silent connections earlier need a shorter time: Python's httpx 5 s.",
    )
    .changeable();
}
