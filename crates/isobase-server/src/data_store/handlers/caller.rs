//! For whom and by whom a record is read or written.

use http::HeaderName;
use isobase_auth::{Permission, Principal};
use isobase_http::Problem;

use crate::{Call, codes, data_store::problems};

/// Names the user, for callers that act for several.
const X_USER_ID: HeaderName = HeaderName::from_static("x-user-id");
/// Names the agent that reads or writes.
const X_AGENT_ID: HeaderName = HeaderName::from_static("x-agent-id");

/// The user of a service in open mode.
const USER_OPEN: &str = "local";

/// Longest name of a user or an agent, in bytes. Ours: an id has 512.
const NAME_BYTES_MAX: usize = 128;

/// The user whose records are meant.
///
/// A key stands for its own user. The service in open mode, the internal key and keys with the
/// scope admin may act for anyone they name.
pub(super) fn user(call: &Call) -> Result<String, Problem> {
    let named = name(call, &X_USER_ID)?;
    let own = match &call.principal {
        Principal::Open | Principal::Operator => USER_OPEN,
        other => other.id(),
    };
    match named {
        None => Ok(own.to_owned()),
        Some(named) if named == own || call.principal.allows(Permission::Admin) => Ok(named),
        Some(_) => Err(Problem::new(
            codes::FORBIDDEN,
            "the key may not act for another user; that takes the scope admin",
        )),
    }
}

/// The agent that asks, if one is named.
pub(super) fn agent(call: &Call) -> Result<Option<String>, Problem> {
    name(call, &X_AGENT_ID)
}

/// The agent whose access is counted. Counting writes, so the caller must be allowed to.
pub(super) fn counted_agent(call: &Call) -> Result<Option<String>, Problem> {
    let agent = agent(call)?.filter(|_| call.method != http::Method::HEAD);
    if agent.is_none() {
        return Ok(None);
    }
    if !call.principal.allows(Permission::Write) {
        return Err(Problem::new(
            codes::FORBIDDEN,
            "a read with X-Agent-Id is counted, which takes the scope write",
        ));
    }
    if !call.may_write() {
        return Err(Problem::new(
            codes::ORIGIN_NOT_ALLOWED,
            "a read with X-Agent-Id is counted, and pages of this origin may not write",
        ));
    }
    Ok(agent)
}

/// A header that is a name.
fn name(call: &Call, header: &HeaderName) -> Result<Option<String>, Problem> {
    let mut values = call.headers.get_all(header).iter();
    let (Some(value), again) = (values.next(), values.next()) else { return Ok(None) };
    let text = std::str::from_utf8(value.as_bytes()).unwrap_or_default();
    let length_ok = (1..=NAME_BYTES_MAX).contains(&text.len());
    if again.is_some() || !length_ok || text.chars().any(char::is_control) {
        return Err(problems::invalid_name(header.as_str(), text, NAME_BYTES_MAX));
    }
    Ok(Some(text.to_owned()))
}
