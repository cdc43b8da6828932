//! The database of the records, and how it is opened.

use std::path::Path;

use isobase::{
    EnvironmentError, JournalOptions, Location, OpenError, OpenOptions, PostgresOptions, Retention,
    SqliteOptions, StoreOptions, environment,
};

use super::super::{
    load::{Loaded, in_folder},
    origin::Origin,
    setting::AnySetting,
    similar::most_similar,
    table::{
        BATCH_OPERATIONS_MAX, CHANGES_KEEP_COUNT, CHANGES_KEEP_FOR, CHANGES_PAGE_MAX,
        COUCHDB_PASSWORD, COUCHDB_URL, COUCHDB_USER, DATA, DATABASE_DEADLINE, DATABASE_PROVIDER,
        DATABASE_URL, DYNAMODB_ENDPOINT_URL, DYNAMODB_REGION, FIRESTORE_PROJECT_ID,
        IDEMPOTENCY_KEEP_FOR, PAGE_BYTES, POSTGRES_PGBOUNCER, POSTGRES_POOL_SIZE, RECORDS_URL,
        SCAN_MAX, SQLITE_CACHE, SQLITE_SYNCHRONOUS,
    },
};
use crate::failure::Failure;

/// The file of the records in the data folder, when no URL says otherwise.
const RECORDS_FILE: &str = "isobase.db";

/// The settings that name the database of the records, under the names of their variables.
static NAMING: [&dyn AnySetting; 9] = [
    &RECORDS_URL,
    &DATABASE_PROVIDER,
    &DATABASE_URL,
    &COUCHDB_URL,
    &COUCHDB_USER,
    &COUCHDB_PASSWORD,
    &FIRESTORE_PROJECT_ID,
    &DYNAMODB_REGION,
    &DYNAMODB_ENDPOINT_URL,
];

/// The database of the records, and the setting that decided.
pub(super) fn records(loaded: &Loaded, data: &Path) -> Result<(Location, Origin), Failure> {
    let variable = |name: &str| {
        let setting = named(name)?;
        loaded.text(setting).cloned()
    };
    let file = in_folder(data, RECORDS_FILE);
    let chosen = environment::choose(variable, file).map_err(|error| unnamed(loaded, &error))?;
    let Some(decided) = chosen.variable.and_then(named) else {
        return Ok((chosen.location, loaded.origin(&DATA).clone()));
    };
    let origin = loaded.origin(decided).clone();
    let location = if decided.declared().key == DATABASE_PROVIDER.key() {
        chosen.location
    } else {
        chosen.location.relative_to(&loaded.base_of(&origin))
    };
    Ok((location, origin))
}

/// The setting of a variable that names the database.
fn named(variable: &str) -> Option<&'static dyn AnySetting> {
    NAMING.into_iter().find(|setting| setting.declared().variables.contains(&variable))
}

/// Why the settings name no database.
fn unnamed(loaded: &Loaded, error: &EnvironmentError) -> Failure {
    let provider = loaded.origin(&DATABASE_PROVIDER);
    match error {
        EnvironmentError::UnknownProvider { provider: given } => {
            let providers = environment::providers();
            let meant = most_similar(given, providers.iter().copied());
            let meant = meant.map(|word| format!("; did you mean {word}?")).unwrap_or_default();
            let known = providers.join(", ");
            Failure::usage(format!("Unknown database provider: {given}"))
                .hint(format!("known are {known}{meant} ({provider})"))
        }
        EnvironmentError::Url { variable, source } => {
            let setting = named(variable).unwrap_or(&RECORDS_URL);
            let failure = loaded.wrong(setting, source);
            let text = loaded.text(setting).map(String::as_str).unwrap_or_default();
            match **source {
                OpenError::UnknownScheme { .. } if text.starts_with("http") => failure
                    .hint("a service is no database; its clients name it in settings of theirs"),
                _ => failure,
            }
        }
        error => Failure::usage(error.to_string())
            .hint(format!("setting database_provider is decided by {provider}")),
    }
}

pub(super) fn open_options(loaded: &Loaded) -> OpenOptions {
    OpenOptions {
        store: StoreOptions {
            scan_max: loaded.get(&SCAN_MAX),
            page_bytes_max: loaded.get(&PAGE_BYTES),
            batch_operations_max: loaded.get(&BATCH_OPERATIONS_MAX),
            changes_page_max: loaded.get(&CHANGES_PAGE_MAX),
        },
        retention: Retention {
            changes: loaded.get(&CHANGES_KEEP_FOR),
            changes_max: loaded.get(&CHANGES_KEEP_COUNT),
            idempotency: loaded.get(&IDEMPOTENCY_KEEP_FOR),
        },
        sqlite: SqliteOptions {
            sync_every_commit: loaded.get(&SQLITE_SYNCHRONOUS),
            cache_bytes: loaded.get(&SQLITE_CACHE),
        },
        postgres: PostgresOptions {
            pool_size: loaded.find(&POSTGRES_POOL_SIZE).copied(),
            pgbouncer: loaded.get(&POSTGRES_PGBOUNCER),
        },
        remote: JournalOptions { deadline: loaded.get(&DATABASE_DEADLINE) },
    }
}
