//! Settings are told and changed; the mail server is tried.

use std::{sync::Arc, time::Duration};

use http::Response;
use isobase_auth::{AuditEntry, Principal};
use isobase_http::{Body, Door, parse_network};
use serde_json::{Value, json as value};
use tokio::time::timeout;

use super::{
    Offered, State, problems,
    wire::{Changed, MailTest, Settings},
};
use crate::{
    Call,
    actor::actor,
    answer::json,
    failure::{Failure, IntoProblem},
    owner::is_owner,
    request::{Members, no_parameters},
};

/// Where the links of letters lead, also of those by which an owner sets a new password: anyone who changes
/// it can become an owner.
const OF_OWNERS: &str = "public_url";

/// From where those who work on the service are let in.
const ADDRESSES: &str = "admin_addresses";

/// How long a mail server may take: less than the deadline of a request.
const MAIL_PATIENCE: Duration = Duration::from_secs(20);

/// `GET /admin/api/settings`
pub(super) async fn list_settings(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let settings = state.running.as_ref().map(|running| running.list()).unwrap_or_default();
    Ok(json(&Settings { settings }))
}

/// `PUT /admin/api/settings/{setting}`
pub(super) async fn put_setting(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let mut members = Members::read(&mut call).await?;
    let text = match members.any("value") {
        Some(Value::String(text)) => text,
        Some(Value::Array(items)) => items.iter().map(written).collect::<Vec<_>>().join(","),
        Some(value @ (Value::Bool(_) | Value::Number(_))) => written(&value),
        _ => members.fault("value", "expected a text, a number, true, false or a list"),
    };
    members.finish()?;
    let key = call.parameter(0);
    let Offered { value: before, .. } = offered(&state, key)?;
    allow(&call, key)?;
    stay_inside(&call, key, &text)?;
    let mut stored = state.stored.list().await?;
    stored.retain(|(known, _)| known != key);
    stored.push((key.to_owned(), text.clone()));
    check(&state, &stored)?;
    let kept = state.stored.set(key, &text, &actor(&call), value!(before)).await?;
    kept.map_err(IntoProblem::into_problem)?;
    let origin = value!({ "kind": "database" });
    Ok(json(&Changed { key: key.to_owned(), value: Some(text), origin }))
}

/// `DELETE /admin/api/settings/{setting}`
pub(super) async fn reset_setting(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let key = call.parameter(0);
    let mut stored = state.stored.list().await?;
    let was_there = stored.iter().any(|(known, _)| known == key);
    // What an older version kept may be no setting any more, and can be forgotten.
    if !was_there {
        offered(&state, key)?;
    }
    allow(&call, key)?;
    stored.retain(|(known, _)| known != key);
    check(&state, &stored)?;
    state.stored.reset(key, &actor(&call)).await?;
    Ok(json(&Changed { key: key.to_owned(), value: None, origin: Value::Null }))
}

/// A setting that can be changed here.
fn offered(state: &State, key: &str) -> Result<Offered, Failure> {
    let running = state.running.as_ref().ok_or_else(|| problems::unknown(key))?;
    let found = running.list().into_iter().find(|setting| setting.key == key);
    let found = found.ok_or_else(|| problems::unknown(key))?;
    match &found.locked_by {
        Some(why) => Err(problems::locked(key, why).into()),
        None => Ok(found),
    }
}

/// So that no rights are made out of fewer.
fn allow(call: &Call, key: &str) -> Result<(), Failure> {
    match key != OF_OWNERS || is_owner(&call.principal) {
        true => Ok(()),
        false => Err(problems::owners_only(key).into()),
    }
}

/// So that nobody locks themselves out.
fn stay_inside(call: &Call, key: &str, text: &str) -> Result<(), Failure> {
    let client = call.client().to_canonical();
    let mut networks = text.split(',').filter_map(|network| parse_network(network.trim()));
    let is_local = call.door() == Door::Local;
    let is_inside = text.trim().is_empty() || networks.any(|network| network.contains(&client));
    match key != ADDRESSES || is_local || is_inside {
        true => Ok(()),
        false => {
            let why = format!("you are at {client}, which is none of them, and would be shut out");
            Err(problems::refused(&why).into())
        }
    }
}

fn check(state: &State, stored: &[(String, String)]) -> Result<(), Failure> {
    let Some(running) = &state.running else { return Ok(()) };
    Ok(running.check(stored).map_err(|why| problems::refused(&why))?)
}

/// A value as it is written in a file.
fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `POST /api/v1/mail/test`
pub(super) async fn send_test_mail(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let Principal::Account { id, .. } = &call.principal else {
        return Err(problems::no_address().into());
    };
    let account = state.accounts.get(id).await?;
    let to = account.and_then(|account| account.email).ok_or_else(problems::no_address)?;
    let _trying = state.trying.try_acquire().map_err(|_| problems::busy())?;
    let sent = match state.accounts.post_office() {
        Some(post) => timeout(MAIL_PATIENCE, post.try_out(&to)).await,
        None => Ok(Err(isobase_auth::MailError("this service sends no letters".to_owned()))),
    };
    let sent = sent.unwrap_or_else(|_| {
        let message = format!("the mail server took longer than {MAIL_PATIENCE:?}");
        Err(isobase_auth::MailError(message))
    });
    let (answer, error) = match sent {
        Ok(delivered) => (delivered.answer, None),
        Err(error) => (None, Some(error.to_string())),
    };
    let by = &actor(&call);
    let after = value!({ "to": to, "answer": answer, "error": error });
    let (action, object_type, object_id, before) = ("mail.tested", "mail", "test", Value::Null);
    let entry = AuditEntry { by, action, object_type, object_id, before, after };
    state.audit.write(&entry).await?;
    let (sent, to_server) = (error.is_none(), answer.is_some());
    Ok(json(&MailTest { to, sent, to_server, answer, error }))
}
