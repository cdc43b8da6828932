//! The greeting of the service.

use std::process;

use isobase::{
    Location, Store,
    store::{RuleAction, RuleBook},
};
use isobase_auth::Authorizer;
use isobase_server::Service;
use serde_json::json;

use crate::{
    logging,
    print::Printer,
    settings::{Config, Loaded},
};

/// Prints the address, the database and the access of the service.
pub(super) fn introduce(
    loaded: &Loaded,
    config: &Config,
    authorizer: &Authorizer,
    store: &Store,
    url: &str,
    printer: Printer,
) {
    let (version, engine) = (env!("CARGO_PKG_VERSION"), store.engine_name());
    let (records, docs, open) =
        (describe(&config.records), format!("{url}/docs"), authorizer.is_open());
    if printer.json {
        printer.announce(&json!({
            "event": "serving", "version": version, "url": url, "docs": docs, "engine": engine,
            "records": records, "open": open, "pid": process::id(),
        }));
    } else if logging::is_only_json(loaded) {
        // Lines for people would be noise among lines of JSON.
        tracing::info!(version, url, docs, engine, records, open, "serving {records} on {url}");
    } else {
        printer.headline(&format!("Isobase {version}"), &format!(" serves records on {url}"));
        printer.note(&format!("  records  {records}"));
        printer.note(&format!("  docs     {docs}"));
        printer.note(&format!("  access   {}", access(config, open)));
    }
}

/// Names the actions that are open to everybody, whatever a document holds.
pub(super) fn name_open(rules: &RuleBook, printer: Printer) {
    for (collection, actions) in rules.open_to_all() {
        let actions: Vec<&str> = actions.into_iter().map(RuleAction::as_str).collect();
        let actions = actions.join(", ");
        printer.note(&format!("  {collection} is open: everybody may {actions}"));
    }
}

/// Says which declared collections have no routes below `/api`.
pub(super) fn name_hidden(config: &Config, printer: Printer) {
    for collection in &config.collections {
        if let Some(reason) = collection.has_no_routes() {
            let name = &collection.name;
            printer.note(&format!("  {name} is at /records/{name} only: {reason}"));
        }
    }
}

/// Prints the link that makes its user the first owner, while there is none.
pub(super) async fn offer_setup(loaded: &Loaded, service: &Service, base: &str, printer: Printer) {
    let Some(accounts) = &service.gate().accounts else { return };
    let token = match accounts.offer_setup().await {
        Ok(Some(token)) => token,
        Ok(None) => return,
        Err(error) => {
            return tracing::warn!(%error, "cannot see whether there is an owner: {error}");
        }
    };
    let link = format!("{}/setup#{token}", base.trim_end_matches('/'));
    if printer.json {
        printer.announce(&json!({ "event": "setup", "link": link }));
    } else if logging::is_only_json(loaded) {
        tracing::info!(link, "for 30 minutes the first owner can be made by {link}");
    } else {
        printer.note(&format!("  owner    {link}"));
        printer.note("           makes the first owner, once, for 30 minutes");
    }
}

/// The whole path of a file: a relative one does not tell where it is.
fn describe(records: &Location) -> String {
    match records.is_kept() {
        true => records.absolute().to_string(),
        false => format!("{records} (gone when the service stops)"),
    }
}

fn access(config: &Config, open: bool) -> &'static str {
    match (open, config.open) {
        (false, _) => "with a key: Authorization: Bearer …",
        (true, false) => {
            "open: everybody on this machine may read and write (isobase key create ends that)"
        }
        (true, true) => "OPEN: everybody who reaches this address may read and write",
    }
}
