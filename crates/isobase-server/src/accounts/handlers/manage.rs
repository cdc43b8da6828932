//! Accounts, for those who work on the service.

use std::{collections::HashMap, sync::Arc};

use http::{Response, StatusCode};
use isobase_auth::{Account, AccountError, AuditEntry, Permission, Principal, Role};
use isobase_http::{Body, Problem};
use serde_json::{Value, json as object};

use super::body::{self, Registration};
use crate::{
    Call,
    accounts::{
        State, problems,
        wire::{Done, ListedAccount, ListedAccounts, ListedSession, ListedSessions, Me},
    },
    actor::actor,
    answer::{json, json_with},
    failure::Failure,
    request::{Parameters, no_parameters},
};

/// Accounts in one answer, unless `limit` says otherwise.
const PAGE_DEFAULT: u32 = 100;
/// Most accounts in one answer, and most of which is told how they are used.
const PAGE_MAX: u32 = 1_000;
const USED_PAGE_MAX: u32 = 100;

/// `GET /api/v1/accounts`
pub(crate) async fn list_accounts(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    let mut parameters = Parameters::parse(call.query());
    let limit = parameters.take_number("limit", PAGE_DEFAULT, (1, PAGE_MAX));
    let after = parameters.take("cursor");
    let asks_usage = parameters.take_choice("usage").unwrap_or(false);
    if asks_usage && limit > USED_PAGE_MAX {
        let expected = format!("expected at most {USED_PAGE_MAX} with usage");
        parameters.fault("limit", &limit.to_string(), &expected);
    }
    parameters.finish()?;
    let page = state.accounts.list(after, limit).await?;
    let usage = match asks_usage {
        true => state.accounts.sessions().usage(&page.accounts).await?,
        false => HashMap::new(),
    };
    let listed = |account| ListedAccount::of(account, usage.get(&account.id));
    let accounts = page.accounts.iter().map(listed).collect();
    Ok(json(&ListedAccounts { accounts, next: page.next }))
}

/// `POST /api/v1/accounts`
pub(crate) async fn create_account(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    if call.principal == Principal::Open {
        return Err(problems::open().into());
    }
    let body = body::Body::read(&mut call).await?;
    let registration = Registration::of(&body)?;
    let role = role(&body)?.unwrap_or_else(Role::user);
    allow(&call, &role)?;
    let account = state.accounts.create(registration.new_account(), &role).await?;
    state.authorizer.refresh().await?;
    tell(&state, &call, "account.created", &account, (Value::Null, known(&account))).await?;
    Ok(json_with(StatusCode::CREATED, &Me::of(&account)))
}

/// `GET /api/v1/accounts/{account}`
pub(crate) async fn get_account(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    Ok(json(&Me::of(&find(&state, &call).await?)))
}

/// `PATCH /api/v1/accounts/{account}`
pub(crate) async fn change_account(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let body = body::Body::read(&mut call).await?;
    let mut account = find(&state, &call).await?;
    allow(&call, &account.role)?;
    let before = known(&account);
    // An entry of its own for each step: one that fails leaves those before it done.
    if let Some(role) = role(&body)? {
        allow(&call, &role)?;
        account = state.accounts.set_role(&account, &role).await?;
        tell(&state, &call, "account.role_changed", &account, (before, known(&account))).await?;
    }
    match body.flag("second_factor")? {
        Some(false) if account.second_factor => {
            let before = known(&account);
            account = state.accounts.remove_second_factor(&account).await?;
            let states = (before, known(&account));
            tell(&state, &call, "account.second_factor_removed", &account, states).await?;
        }
        Some(true) if !account.second_factor => return Err(problems::not_theirs().into()),
        _ => {}
    }
    if let Some(verified) = body.flag("verified")?
        && verified != account.verified
    {
        if account.email.is_none() {
            return Err(problems::invalid("verified", "the account has no e-mail address").into());
        }
        let before = known(&account);
        account = state.accounts.set_verified(&account, verified).await?;
        let action = if verified { "account.verified" } else { "account.unverified" };
        tell(&state, &call, action, &account, (before, known(&account))).await?;
    }
    if let Some(disabled) = body.flag("disabled")? {
        let before = known(&account);
        account = state.accounts.set_disabled(&account, disabled).await?;
        let action = if disabled { "account.disabled" } else { "account.enabled" };
        tell(&state, &call, action, &account, (before, known(&account))).await?;
    }
    if let Some(password) = body.text("password")? {
        account = state.accounts.set_password(&account, &password, None).await?;
        let states = (Value::Null, Value::Null);
        tell(&state, &call, "account.password_set", &account, states).await?;
    }
    Ok(json(&Me::of(&account)))
}

/// `DELETE /api/v1/accounts/{account}`
pub(crate) async fn delete_account(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    let account = managed(&state, &call).await?;
    state.accounts.delete(&account).await?;
    tell(&state, &call, "account.deleted", &account, (known(&account), Value::Null)).await?;
    Ok(json(&Done::OK))
}

/// `GET /api/v1/accounts/{account}/sessions`
pub(crate) async fn list_account_sessions(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let account = find(&state, &call).await?;
    let current = match &call.principal {
        Principal::Account { session, .. } => session,
        _ => "",
    };
    let sessions = state.accounts.sessions().list(&account).await?;
    let sessions = sessions.iter().map(|session| ListedSession::of(session, current)).collect();
    Ok(json(&ListedSessions { sessions }))
}

/// `DELETE /api/v1/accounts/{account}/sessions`
pub(crate) async fn end_account_sessions(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    let account = managed(&state, &call).await?;
    state.accounts.end_sessions(&account, None).await?;
    let states = (Value::Null, Value::Null);
    tell(&state, &call, "account.sessions_ended", &account, states).await?;
    Ok(json(&Done::OK))
}

/// `DELETE /api/v1/accounts/{account}/sessions/{session}`
pub(crate) async fn end_account_session(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    let account = managed(&state, &call).await?;
    let session = call.parameter(1);
    if !state.accounts.sessions().end(&account.id, session).await? {
        return Err(problems::session_not_found(session).into());
    }
    let states = (object!({ "session": session }), Value::Null);
    tell(&state, &call, "account.session_ended", &account, states).await?;
    Ok(json(&Done::OK))
}

/// The audit's record of an account. No secret.
fn known(account: &Account) -> Value {
    object!({
        "username": account.name,
        "role": account.role.as_str(),
        "disabled": account.disabled,
        "verified": account.verified,
        "second_factor": account.second_factor,
    })
}

/// Writes to the audit what was done to an account, and how it was and is.
async fn tell(
    state: &State,
    call: &Call,
    action: &str,
    account: &Account,
    (before, after): (Value, Value),
) -> Result<(), Failure> {
    let object_id = account.id.to_string();
    let by = &actor(call);
    let entry =
        AuditEntry { by, action, object_type: "account", object_id: &object_id, before, after };
    Ok(state.audit.write(&entry).await?)
}

/// The account that a request without parameters names, if the caller may change it.
async fn managed(state: &State, call: &Call) -> Result<Account, Failure> {
    no_parameters(call)?;
    let account = find(state, call).await?;
    allow(call, &account.role)?;
    Ok(account)
}

pub(super) async fn find(state: &State, call: &Call) -> Result<Account, Failure> {
    let named = call.parameter(0);
    let found = state.accounts.find(named).await?;
    Ok(found.ok_or_else(|| AccountError::NotFound(named.to_owned()))?)
}

fn role(body: &body::Body) -> Result<Option<Role>, Problem> {
    let role = body.text("role")?.map(|role| role.parse::<Role>());
    role.transpose().map_err(|error| problems::invalid_role(&error))
}

/// What concerns an owner is for owners and for the operator of the service; what concerns others who
/// work on it is for those who may do everything. So no rights are made out of fewer.
fn allow(call: &Call, role: &Role) -> Result<(), Failure> {
    let is_owner = match &call.principal {
        Principal::Operator | Principal::Internal => true,
        Principal::Account { role, .. } => role.is_owner(),
        _ => false,
    };
    match role.is_owner() {
        true if !is_owner => Err(AccountError::OwnersOnly.into()),
        false if role.works_on_service() && !call.principal.allows(Permission::Admin) => {
            Err(problems::administrators_only(role).into())
        }
        _ => Ok(()),
    }
}
