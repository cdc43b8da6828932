//! Databases: what they remember, and how they are reached.

use std::time::Duration;

use isobase::OpenOptions;

use super::super::{
    kinds::{Choice, Size, Span, Switch, Text, Whole},
    setting::{Optional, Setting},
};

super::settings! {
    static IDEMPOTENCY_KEEP_FOR: Setting<Duration> = Setting::new(
        "idempotency.keep_for",
        &Span,
        || OpenOptions::default().retention.idempotency,
        "How long an `Idempotency-Key` is remembered. An import that was cut off can be finished \
         without duplicates within this time.",
    );

    static RECONCILE_EVERY: Setting<Duration> = Setting::new(
        "reconcile.every",
        &Span,
        || Duration::ZERO,
        "How often the service looks by itself for what other programs wrote into CouchDB, DynamoDB or \
         Firestore, as `isobase reconcile` does. On CouchDB it reads what was written since the last time, \
         on DynamoDB and Firestore every document of every collection. `0` never.",
    )
    .changeable();

    static SQLITE_SYNCHRONOUS: Setting<bool> = Setting::new(
        "sqlite.synchronous",
        &Choice(&[("full", true), ("normal", false)]),
        || OpenOptions::default().sqlite.sync_every_commit,
        "`full`: an answered write survives a power cut. `normal`: a power cut may lose the last \
         ones; the file stays sound.",
    );

    static SQLITE_CACHE: Setting<u64> = Setting::new(
        "sqlite.cache",
        &Size,
        || OpenOptions::default().sqlite.cache_bytes,
        "Page cache of each connection.",
    );

    static POSTGRES_POOL_SIZE: Optional<usize> = Setting::optional(
        "postgres.pool_size",
        &Whole::between(1, 1_000),
        "Most read connections to PostgreSQL. Unset: `pool_size` of the URL, else 8.",
    );

    static POSTGRES_PGBOUNCER: Setting<bool> = Setting::new(
        "postgres.pgbouncer",
        &Switch,
        || OpenOptions::default().postgres.pgbouncer,
        "PostgreSQL is reached through PgBouncer in transaction mode, as `pgbouncer=transaction` in \
         the URL says too.",
    );

    static COUCHDB_URL: Optional<String> = Setting::optional(
        "couchdb.url",
        &Text::DATABASE,
        "Address of the CouchDB server, for the provider `couchdb`: `http://host:5984`, or \
         `https://host/path` behind a proxy; without a port those of HTTP. Needs `couchdb.user` and \
         `couchdb.password`.",
    )
    .variables(&["COUCHDB_URL"]);

    static COUCHDB_USER: Optional<String> = Setting::optional(
        "couchdb.user",
        &Text::ANY,
        "User of the CouchDB server.",
    )
    .variables(&["COUCHDB_USER"]);

    static COUCHDB_PASSWORD: Optional<String> = Setting::optional(
        "couchdb.password",
        &Text::SECRET,
        "Password of that user.",
    )
    .variables(&["COUCHDB_PASSWORD"]);

    static FIRESTORE_PROJECT_ID: Optional<String> = Setting::optional(
        "firestore.project_id",
        &Text::ANY,
        "Google Cloud project, for the provider `firestore`. Unset: the project of the credentials, \
         which are found as Google's own programs find them (`GOOGLE_APPLICATION_CREDENTIALS`).",
    )
    .variables(&["FIRESTORE_PROJECT_ID"]);

    static DYNAMODB_REGION: Setting<String> = Setting::new(
        "dynamodb.region",
        &Text::ANY,
        || isobase::environment::DYNAMODB_REGION_DEFAULT.to_owned(),
        "AWS region, for the provider `dynamodb`. Credentials are found as AWS's own programs find \
         them (`AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, profiles, roles).",
    )
    .variables(&["DYNAMODB_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"]);

    static DYNAMODB_ENDPOINT_URL: Optional<String> = Setting::optional(
        "dynamodb.endpoint_url",
        &Text::DATABASE,
        "Address of another DynamoDB than that of the region, such as one on this machine: \
         `http://127.0.0.1:8000`.",
    )
    .variables(&["DYNAMODB_ENDPOINT_URL"]);
}
