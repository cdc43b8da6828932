//! Limits and deadlines.

use std::time::Duration;

use isobase::{OpenOptions, StoreOptions};
use isobase_server::{HttpConfig, ServerConfig};

use super::super::{
    kinds::{Size, Span, Whole},
    setting::Setting,
};

super::settings! {
    static BODY_BYTES: Setting<u64> = Setting::new(
        "limits.body_bytes",
        &Size,
        || HttpConfig::default().body_bytes_max,
        "Largest request body.",
    )
    .changeable_from(|| 64 << 10);

    static STREAM_BODY_BYTES: Setting<u64> = Setting::new(
        "limits.stream_body_bytes",
        &Size,
        || HttpConfig::default().stream_body_bytes_max,
        "Largest request body that is read line by line (newline-delimited JSON).",
    )
    .changeable();

    static PAGE_SIZE_MAX: Setting<u32> = Setting::new(
        "limits.page_size_max",
        &Whole::between(1, 100_000),
        || ServerConfig::default().page_size_max,
        "Largest `limit` of a listing.",
    )
    .changeable();

    static PAGE_BYTES: Setting<usize> = Setting::new(
        "limits.page_bytes",
        &Size,
        || StoreOptions::default().page_bytes_max,
        "Most bytes of documents in one page; a page with more ends early and has a next one.",
    );

    static SCAN_MAX: Setting<u64> = Setting::new(
        "limits.scan_max",
        &Whole::from(1),
        || StoreOptions::default().scan_max,
        "Most documents a listing or count may examine. A count or a sorted listing that needs more \
         is refused and told which index would help; a page in the order of ids or of an index ends \
         early, perhaps without a document, and has a next one. Memory has no such bound.",
    );

    static BATCH_OPERATIONS_MAX: Setting<usize> = Setting::new(
        "limits.batch_operations_max",
        &Whole::between(1, 1_000_000),
        || StoreOptions::default().batch_operations_max,
        "Most operations in one batch.",
    );

    static CHANGES_PAGE_MAX: Setting<u32> = Setting::new(
        "limits.changes_page_max",
        &Whole::between(1, 1_000_000),
        || StoreOptions::default().changes_page_max,
        "Most changes in one page of the feed.",
    );

    static CONNECTIONS_MAX: Setting<usize> = Setting::new(
        "limits.connections_max",
        &Whole::between(1, 1_000_000),
        || HttpConfig::default().connections_max,
        "Most connections at a time.",
    )
    .changeable_from(|| 16);

    static HEADER_BYTES: Setting<usize> = Setting::new(
        "limits.header_bytes",
        &Size,
        || HttpConfig::default().header_bytes_max,
        "Largest head of a request.",
    )
    .changeable_from(|| 8 << 10);

    static URI_BYTES: Setting<usize> = Setting::new(
        "limits.uri_bytes",
        &Size,
        || HttpConfig::default().uri_bytes_max,
        "Longest target of a request.",
    )
    .changeable_from(|| 1 << 10);

    static UPLOAD_BYTES: Setting<u64> = Setting::new(
        "limits.upload_bytes",
        &Size,
        || 1 << 30,
        "Largest file that can be uploaded. `limits.stream_body_bytes` bounds the whole request.",
    )
    .changeable();

    static HEADER_DEADLINE: Setting<Duration> = Setting::new(
        "deadlines.header",
        &Span,
        || HttpConfig::default().header_timeout,
        "Longest time from the first byte of a request to the last of its head.",
    )
    .changeable_from(|| Duration::from_secs(1));

    static BODY_IDLE_DEADLINE: Setting<Duration> = Setting::new(
        "deadlines.body_idle",
        &Span,
        || HttpConfig::default().body_idle_timeout,
        "Longest silence while a request body is awaited.",
    )
    .changeable_from(|| Duration::from_secs(1));

    static BODY_DEADLINE: Setting<Duration> = Setting::new(
        "deadlines.body",
        &Span,
        || HttpConfig::default().body_timeout,
        "Longest time for a whole request body.",
    )
    .changeable_from(|| Duration::from_secs(1));

    static KEEP_ALIVE_DEADLINE: Setting<Duration> = Setting::new(
        "deadlines.keep_alive",
        &Span,
        || HttpConfig::default().keep_alive_timeout,
        "Longest time a connection stays open between two requests.",
    )
    .changeable();

    static WRITE_IDLE_DEADLINE: Setting<Duration> = Setting::new(
        "deadlines.write_idle",
        &Span,
        || HttpConfig::default().write_idle_timeout,
        "Longest time a client may take no byte of its answer.",
    )
    .changeable_from(|| Duration::from_secs(1));

    static REQUEST_DEADLINE: Setting<Duration> = Setting::new(
        "deadlines.request",
        &Span,
        || HttpConfig::default().request_timeout,
        "Longest time until an answer begins.",
    )
    .changeable_from(|| Duration::from_secs(1));

    static STREAM_IDLE_DEADLINE: Setting<Duration> = Setting::new(
        "deadlines.stream_idle",
        &Span,
        || HttpConfig::default().stream_idle_timeout,
        "Longest time between two parts of a streamed answer.",
    )
    .changeable();

    static DATABASE_DEADLINE: Setting<Duration> = Setting::new(
        "deadlines.database",
        &Span,
        || OpenOptions::default().remote.deadline,
        "Longest time one call to CouchDB, DynamoDB or Firestore takes, all its repetitions together.",
    );

    static STOP_DEADLINE: Setting<Duration> = Setting::new(
        "deadlines.stop",
        &Span,
        || HttpConfig::default().stop_timeout,
        "How long requests may go on after the service was told to stop. Supervisors often kill \
         after 10 s; the rest is for closing the database.",
    )
    .changeable();
}
