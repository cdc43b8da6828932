//! The description of the service: its routes and its problem codes.

use isobase_http::{Api, Route, Spec};
use serde_json::{Value, json};

use crate::{
    accounts, admin, codes, data_store, files, imports, jobs, keys, licences, live, records,
    requests, service, settings, tus, views::Permissions, webhooks,
};

const DESCRIPTION: &str = "One backend on every database: documents in collections \
    over HTTP.\n\nWithout keys the service is *open* and every route answers everyone who can \
    reach it. With keys, every route but the public ones takes a key as `Authorization: Bearer \
    <key>` or `X-API-Key: <key>`; `x-permission` names the scope it takes.\n\nEvery problem is an \
    RFC 9457 body; decide by its `code`. `HEAD` is answered for every `GET`, `OPTIONS` for every \
    path.";

/// The subject of each group of routes.
const TAGS: &[(&str, &str)] = &[
    ("service", "The service itself: health, counters, its description, its client."),
    ("collections", "Collections: their names, their schemas, their deletion."),
    ("records", "Documents of any collection, by id."),
    ("changes", "Committed writes in the order of their commits."),
    ("indexes", "Indexes of a collection."),
    ("data store", "Values by namespace and key."),
    ("events", "Live events for browsers and other clients."),
    ("admin", "The admin site."),
    ("jobs", "Long work of an operator: copies, verifications, sweeps."),
    ("backups", "Backups and their restoration."),
    ("imports", "Files of records that are brought into a collection."),
    ("keys", "Keys of services and people."),
    ("licences", "Licences and the installations that hold them."),
    ("requests", "The request log."),
    ("accounts", "Accounts and their sessions."),
    ("files", "Uploaded files."),
    ("webhooks", "Changes that are posted to other services."),
];

/// The OpenAPI document of every route of every slice.
#[must_use]
pub fn openapi() -> Value {
    isobase_http::openapi(&api(), &specs())
}

/// The page of every problem code.
#[must_use]
pub fn errors_markdown() -> String {
    isobase_http::errors_markdown(&codes::every())
}

/// The parts common to all routes.
pub(crate) fn api() -> Api {
    let bearer = json!({
        "type": "http",
        "scheme": "bearer",
        "description": "A key as `Authorization: Bearer <key>`.",
    });
    let api_key = json!({
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "The same key in a header of its own.",
    });
    Api {
        title: "Isobase",
        version: env!("CARGO_PKG_VERSION"),
        description: DESCRIPTION,
        license: env!("CARGO_PKG_LICENSE"),
        tags: TAGS,
        codes: codes::every(),
        security_schemes: vec![("bearer", bearer), ("apiKey", api_key)],
    }
}

/// Every route there is, without what answers it.
fn specs() -> Vec<Spec> {
    let service = service::routes().into_iter().map(Route::into_spec);
    let records = records::routes(Permissions::KEYED).into_iter().map(Route::into_spec);
    let data_store = data_store::routes().into_iter().map(Route::into_spec);
    let admin = admin::routes().into_iter().map(Route::into_spec);
    let settings = settings::routes().into_iter().map(Route::into_spec);
    let jobs = jobs::routes().into_iter().map(Route::into_spec);
    let imports = imports::routes().into_iter().map(Route::into_spec);
    let keys = keys::routes().into_iter().map(Route::into_spec);
    let live = live::routes().into_iter().map(Route::into_spec);
    let files = files::routes().into_iter().map(Route::into_spec);
    let licences = licences::routes().into_iter().map(Route::into_spec);
    let requests = requests::routes().into_iter().map(Route::into_spec);
    let tus = tus::routes().into_iter().map(Route::into_spec);
    let first = service
        .chain(records)
        .chain(data_store)
        .chain(live)
        .chain(admin)
        .chain(settings)
        .chain(jobs);
    let accounts = accounts::routes().into_iter().map(Route::into_spec);
    let webhooks = webhooks::routes().into_iter().map(Route::into_spec);
    first
        .chain(imports)
        .chain(keys)
        .chain(licences)
        .chain(requests)
        .chain(accounts)
        .chain(files)
        .chain(tus)
        .chain(webhooks)
        .chain(sql())
        .collect()
}

#[cfg(feature = "sql")]
fn sql() -> Vec<Spec> {
    crate::sql::routes().into_iter().map(Route::into_spec).collect()
}

/// A build without the SQL screens does not describe them.
#[cfg(not(feature = "sql"))]
fn sql() -> Vec<Spec> {
    Vec::new()
}

#[cfg(test)]
mod tests;
