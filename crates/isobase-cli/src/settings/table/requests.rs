//! The request log.

use std::time::Duration;

use isobase_server::{LeftOut, OwnRequestOptions, OwnRequests, RequestOptions};

use super::super::{
    kinds::{Choice, List, Span, Whole},
    setting::Setting,
};

super::settings! {
    static REQUESTS_RETENTION: Setting<Duration> = Setting::new(
        "requests.retention",
        &Span,
        || Duration::from_secs(30 * 86_400),
        "How long the request log keeps an entry.",
    )
    .changeable();

    static REQUESTS_BODY_CHARACTERS: Setting<usize> = Setting::new(
        "requests.body_characters",
        &Whole::between(0, 100_000),
        || RequestOptions::default().body_characters_max,
        "Characters that the request log keeps of a body; what is longer is cut and says so.",
    )
    .changeable();

    static REQUESTS_SEARCH_BUDGET: Setting<Duration> = Setting::new(
        "requests.search_budget",
        &Span,
        || RequestOptions::default().search_budget,
        "How long a search by text in the request log goes on before it says how far it has come.",
    )
    .changeable();

    static REQUESTS_HEALTH_CHECKS: Setting<Vec<String>> = Setting::new(
        "requests.health_checks",
        &List::ENDPOINTS,
        || RequestOptions::default().health_checks.iter().map(LeftOut::to_string).collect(),
        "By which endpoints others only ask whether a service is alive. The screen of requests hides \
         them, and `hide=health` does.",
    )
    .changeable();

    static REQUESTS_OWN: Setting<OwnRequests> = Setting::new(
        "requests.own",
        &Choice(&[
            ("off", OwnRequests::Off),
            ("failed", OwnRequests::Failed),
            ("all", OwnRequests::All),
        ]),
        || OwnRequestOptions::default().which,
        "Which of its own requests the service logs, under the name `isobase`: those that failed (400 and \
         above), or all. Never bodies, headers or query strings, and no requests of the log itself, of \
         health checks and of the documentation.",
    )
    .changeable();

    static REQUESTS_OWN_RATE: Setting<u32> = Setting::new(
        "requests.own_per_second",
        &Whole::between(1, 100_000),
        || OwnRequestOptions::default().per_second_max,
        "Most own requests of a second that succeeded, and most that failed. `/metrics` counts what was \
         left out.",
    )
    .changeable();
}
