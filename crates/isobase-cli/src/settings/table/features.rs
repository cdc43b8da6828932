//! Licences, the request log, backups, the audit, webhooks, SQL screens.

use std::time::Duration;

use isobase_licences::{AtLimit, LicenceOptions};
use isobase_server::{LeftOut, OwnRequestOptions, OwnRequests, RequestOptions};

use super::super::{
    kinds::{Choice, List, Span, Switch, Text, Whole},
    setting::{Optional, Setting},
};

super::settings! {
    static LICENCES_LIMIT: Setting<u32> = Setting::new(
        "licences.installations_max",
        &Whole::between(0, 200),
        || LicenceOptions::default().limit,
        "Most installations of an e-mail over all its licences that have no limit of their own.",
    )
    .changeable();

    static LICENCES_AT_LIMIT: Setting<AtLimit> = Setting::new(
        "licences.at_limit",
        &Choice(&[
            ("replace_oldest", AtLimit::ReplaceOldest),
            ("reject", AtLimit::Reject),
            ("allow_n", AtLimit::AllowN),
        ]),
        || LicenceOptions::default().at_limit,
        "The answer to one installation more: it takes the place of the one that was not seen for \
     longest, is refused, or is let in up to `allow_n` of its licence.",
    )
    .changeable();

    static LICENCES_KEY_PREFIX: Setting<String> = Setting::new(
        "licences.key_prefix",
        &Text::ANY,
        || LicenceOptions::default().key_prefix,
        "The beginning of new licence keys: 1 to 16 letters and digits. Keys that were made with another \
     prefix go on working, but have to be typed exactly as they are written.",
    )
    .changeable();

    static LICENCES_SECRET: Optional<String> = Setting::optional(
        "licences.secret",
        &Text::SECRET,
        "At least 32 bytes that only the operator knows, for licences alone: signs licence files, opens \
     keys that former versions sealed with it, and seals keys where `secret` is unset. Unset: \
     `secret`, or the file `secret` in the data folder, does all of that. `openssl rand -hex 32` \
     makes one.",
    )
    .variables(&["LICENSE_SECRET"]);

    static LICENCES_SOURCE: Setting<String> = Setting::new(
        "licences.source",
        &Text::DATABASE,
        || "data/licenses.db".to_owned(),
        "Where `isobase license import` reads when no source is given: the SQLite file or the URL of \
     another license service. Relative as `data`.",
    )
    .variables(&["LICENSE_SOURCE_DB", "LICENSE_DB_PATH"]);

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

    static BACKUPS_EVERY: Setting<Duration> = Setting::new(
        "backups.every",
        &Span,
        || Duration::ZERO,
        "How long after the last good backup the service makes the next one, in the folder `backups` of \
     the data folder. 0: it makes none by itself.",
    )
    .changeable();

    static BACKUPS_KEEP: Setting<usize> = Setting::new(
        "backups.keep",
        &Whole::between(1, 10_000),
        || 7,
        "How many of the backups stay that the service makes by itself.",
    )
    .changeable();

    static BACKUPS_FILES: Setting<bool> = Setting::new(
        "backups.files",
        &Switch,
        || true,
        "Whether the bytes of uploaded files are in backups, too. Each backup has all of them.",
    );

    static BACKUPS_PASSPHRASE: Optional<String> = Setting::optional(
        "backups.passphrase",
        &Text::SECRET,
        "Encrypts the backups that are made from now on, in the format of age. Without it nobody reads \
     them again, so keep it elsewhere. Backups that are not encrypted are read as before.",
    );

    static AUDIT_KEEP: Setting<Duration> = Setting::new(
        "audit.keep",
        &Span,
        || Duration::ZERO,
        "How long entries of the audit stay. Older ones are deleted from the beginning of its chain, which \
     notes where it begins then. 0: they stay for ever.",
    )
    .changeable();

    static WEBHOOKS_PRIVATE: Setting<bool> = Setting::new(
        "webhooks.private",
        &Switch,
        || false,
        "Whether webhooks may lead to addresses of this machine, of private networks and of links, and be \
     reached by http. Anyone who makes a webhook can send requests there.",
    );

    static SQL_URL: Optional<String> = Setting::optional(
        "sql.url",
        &Text::DATABASE,
        "A database of your own that owners look at in the admin site, with statements that only read: \
     `postgres://reader:password@host/database` or `sqlite://path`. A role of PostgreSQL that could \
     touch the files of its server is refused. Unset: there are no SQL screens.",
    );

    static SQL_WRITE_URL: Optional<String> = Setting::optional(
        "sql.write_url",
        &Text::DATABASE,
        "The database of `sql.url` under a role that may change it: owners then change rows, tables and \
     whatever else that role may, after they have typed the name of the database. The same URL serves \
     where one role does both. A role of PostgreSQL that could touch the files of its server, or make \
     roles, is refused. Unset: nothing is changed.",
    );

    static SQL_TIMEOUT: Setting<Duration> = Setting::new(
        "sql.timeout",
        &Span,
        || Duration::from_secs(25),
        "How long a statement of the SQL screens may run; at most two seconds less than \
     `deadlines.request`.",
    )
    .changeable();

    static SQL_ROWS_MAX: Setting<usize> = Setting::new(
        "sql.rows_max",
        &Whole::between(1, 10_000),
        || 1_000,
        "Most rows that the SQL screens show of a statement.",
    )
    .changeable();
}
