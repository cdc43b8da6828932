//! Cleaning up in a CouchDB.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};

use crate::http;

/// Deletes all databases whose names begin with a prefix.
///
/// # Errors
/// When the server does not answer, or refuses.
pub fn drop_couchdb_databases(url: &str, prefix: &str) -> Result<()> {
    let address = url.strip_prefix("http://").context("the server's URL begins with http://")?;
    let address: SocketAddr = address.trim_end_matches('/').parse()?;
    let answer = http::request(address, "GET", "/_all_dbs", &[], b"")?;
    ensure!(answer.status == 200, "listing databases: {} {}", answer.status, answer.text());
    let names = answer.json()?;
    let ours = names.as_array().into_iter().flatten().filter_map(|name| name.as_str());
    for name in ours.filter(|name| name.starts_with(prefix)) {
        let escaped = name.replace('+', "%2B").replace('/', "%2F");
        let answer = http::request(address, "DELETE", &format!("/{escaped}"), &[], b"")?;
        ensure!(answer.status < 300 || answer.status == 404, "{name}: {}", answer.text());
    }
    Ok(())
}
