//! Who asks, and from where.

use std::net::{IpAddr, Ipv6Addr};

use http::{HeaderValue, Response, header};
use isobase_auth::{Account, CreatedSession, Principal, SessionKind};
use isobase_http::{Body, Problem};
use isobase_types::DocumentId;

use crate::{
    Call,
    accounts::{State, problems},
    failure::Failure,
    origin, session_cookie,
};

/// The session of a request.
pub(super) struct Caller {
    pub(super) account: DocumentId,
    pub(super) session: String,
    pub(super) kind: SessionKind,
}

impl Caller {
    pub(super) fn of(call: &Call) -> Result<Self, Problem> {
        // What is one's own is changed by oneself: an owner who acts as somebody else only looks.
        if call.principal.impersonator().is_some() && !call.method.is_safe() {
            return Err(problems::impersonating());
        }
        Self::of_any(call)
    }

    /// The session of a request, also one by which an owner acts as somebody else.
    pub(super) fn of_any(call: &Call) -> Result<Self, Problem> {
        match &call.principal {
            Principal::Account { id, session, .. } => {
                let kind = match session_cookie::token(&call.headers) {
                    Some(_) if !call.headers.contains_key(header::AUTHORIZATION) => {
                        SessionKind::Cookie
                    }
                    _ => SessionKind::Bearer,
                };
                Ok(Self { account: id.clone(), session: session.to_string(), kind })
            }
            _ => Err(problems::sign_in_required()),
        }
    }

    /// The account as it is now.
    pub(super) async fn account(&self, state: &State) -> Result<Account, Failure> {
        let account = state.accounts.get(&self.account).await?;
        Ok(account.ok_or_else(problems::sign_in_required)?)
    }

    /// The account of a caller who shows its password again; one without a password has just signed
    /// in.
    pub(super) async fn confirmed(
        &self,
        state: &State,
        call: &Call,
        password: &str,
    ) -> Result<Account, Failure> {
        let asks = (&self.account, &*self.session);
        Ok(state.accounts.confirm_in_session(asks, password, &address(call)).await?)
    }
}

/// The address that attempts are counted by: one client often holds a whole IPv6 /64.
pub(super) fn address(call: &Call) -> String {
    let network = match call.client().to_canonical() {
        IpAddr::V6(v6) => {
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::from(u64::MAX) << 64)))
        }
        v4 => v4,
    };
    network.to_string()
}

/// Begins a session for the browser that asks, and lets it keep the cookie. A page of another
/// origin gets none: it could sign its visitors in to an account of its own.
pub(super) async fn begin_in_browser(
    state: &State,
    call: &Call,
    account: &Account,
    response: &mut Response<Body>,
) -> Result<(), Failure> {
    let public_url = state.public_url.as_deref();
    if !origin::is_own_page(&call.headers, public_url) {
        return Ok(());
    }
    keep_session(state, call, account, response).await
}

/// Begins a session for a browser, and lets it keep the cookie.
pub(super) async fn keep_session(
    state: &State,
    call: &Call,
    account: &Account,
    response: &mut Response<Body>,
) -> Result<(), Failure> {
    let public_url = state.public_url.as_deref();
    let CreatedSession { token, .. } = begin(state, call, account, SessionKind::Cookie).await?;
    let secure = session_cookie::is_secure(&call.headers, public_url);
    let cookie = session_cookie::set(&token, state.accounts.sessions().lifetime(), secure);
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(())
}

/// The program that asks, as it calls itself.
pub(super) fn agent(call: &Call) -> Option<String> {
    let agent = call.headers.get(header::USER_AGENT).map(HeaderValue::as_bytes);
    agent.map(|agent| String::from_utf8_lossy(agent).into_owned())
}

pub(super) async fn begin(
    state: &State,
    call: &Call,
    account: &Account,
    kind: SessionKind,
) -> Result<CreatedSession, Failure> {
    Ok(state.accounts.sessions().begin(account, kind, agent(call).as_deref()).await?)
}
