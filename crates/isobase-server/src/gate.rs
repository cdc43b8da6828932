//! Who asks: the keys and sessions of a request.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, Method, header};
use isobase_auth::{Accounts, Authorizer, Denied, Permission, Principal, is_session_token};
use isobase_http::{Asked, Door, IpNet, Problem, Refusal};

use crate::{
    codes,
    failure::{CHALLENGE, IntoProblem},
    origin, session_cookie,
};

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Slices behind the gate of keys and sessions.
pub type Service = isobase_http::Service<Gate>;

/// Lets requests in by their keys and sessions.
pub struct Gate {
    /// The one authorization function.
    pub authorizer: Arc<Authorizer>,
    /// Whose sessions they are; none for a service without accounts.
    pub accounts: Option<Arc<Accounts>>,
    /// The address that browsers use, if it is configured: pages of it may write.
    pub public_url: Option<String>,
    /// Whether the rules let callers without credentials do something because of where they are.
    pub trusts_place: bool,
    /// Where those are who work on the service; empty: anywhere.
    pub admin_addresses: Vec<IpNet>,
}

impl Gate {
    /// Who shows a session; `None` if the request shows none.
    async fn signed_in(&self, asked: &Asked<'_>) -> Result<Option<Principal>, Refusal> {
        let Some(accounts) = &self.accounts else { return Ok(None) };
        let (token, by_browser) = match credentials(asked.headers) {
            Some(text) if is_session_token(text) => (text, false),
            Some(_) => return Ok(None),
            None => match session_cookie::token(asked.headers) {
                Some(token) => (token, true),
                None => return Ok(None),
            },
        };
        let session = accounts.sessions().resolve(token).await;
        let session = session.map_err(|error| Refusal::Other(error.into_problem()))?;
        match session {
            Some(_) if by_browser && !self.is_harmless(asked) => Err(Refusal::Other(Problem::new(
                codes::ORIGIN_NOT_ALLOWED,
                "a page of another origin may not use a session's cookie",
            ))),
            Some(session) => Ok(Some(Principal::of_session(&session))),
            // A browser sends what it has, also the cookie of another service on this machine.
            None if by_browser => Ok(None),
            None => Err(Refusal::Unauthenticated(
                Problem::new(codes::SIGN_IN_REQUIRED, "the session is over; sign in again")
                    .with_header(header::WWW_AUTHENTICATE, CHALLENGE),
            )),
        }
    }

    /// Lets those who work on the service in from their addresses alone: accounts with such a role,
    /// and keys that may do everything. The local door has none.
    fn from_its_address(
        &self,
        asked: &Asked<'_>,
        principal: Principal,
    ) -> Result<Principal, Refusal> {
        let works = match &principal {
            Principal::Open | Principal::Anonymous | Principal::Operator => false,
            Principal::Account { .. } => !principal.scopes().is_empty(),
            Principal::Internal | Principal::Key { .. } => principal.allows(Permission::Admin),
        };
        let client = asked.client.to_canonical();
        let is_near = || self.admin_addresses.iter().any(|network| network.contains(&client));
        let is_bound = works && asked.door == Door::Network && !self.admin_addresses.is_empty();
        match is_bound && !is_near() {
            false => Ok(principal),
            true => Err(Refusal::Other(Problem::new(
                codes::ADDRESS_NOT_ALLOWED,
                format!("{client} is none of the addresses in admin_addresses"),
            ))),
        }
    }

    /// Whether a request may come from any page: it changes nothing, or it is from a page of ours.
    fn is_harmless(&self, asked: &Asked<'_>) -> bool {
        matches!(*asked.method, Method::GET | Method::HEAD | Method::OPTIONS)
            || origin::is_own_page(asked.headers, self.public_url.as_deref())
    }
}

impl isobase_http::Gate for Gate {
    type Principal = Principal;

    async fn admit(&self, asked: Asked<'_>) -> Result<Principal, Refusal> {
        let permission = permission(asked.permission);
        if permission != Permission::Public
            && asked.door == Door::Network
            && let Some(principal) = self.signed_in(&asked).await?
        {
            return match principal.allows(permission) {
                true => self.from_its_address(&asked, principal),
                false => Err(Refusal::Other(Problem::new(
                    codes::FORBIDDEN,
                    format!("your role does not allow this; it takes the scope {permission}"),
                ))),
            };
        }
        let credentials = credentials(asked.headers);
        let admitted = match asked.door {
            Door::Local => Ok(self.authorizer.operator(credentials).await),
            Door::Network => self.authorizer.authorize(credentials, permission).await,
        };
        let admitted = admitted.map_err(|denied| match denied {
            // Nothing is forbidden to a caller of a public route.
            Denied::Forbidden => Refusal::Other(Problem::new(
                codes::FORBIDDEN,
                format!("the key's scope does not allow this; it takes the scope {permission}"),
            )),
            Denied::Unauthenticated => Refusal::Unauthenticated(
                Problem::new(
                    codes::UNAUTHENTICATED,
                    "send a valid key as 'Authorization: Bearer <key>' or 'X-API-Key: <key>'",
                )
                .with_header(header::WWW_AUTHENTICATE, CHALLENGE),
            ),
        })?;
        match permission {
            // Nothing is done there by rights.
            Permission::Public => Ok(admitted),
            _ => self.from_its_address(&asked, admitted),
        }
    }

    fn name_of(&self, caller: &Principal) -> String {
        match caller {
            Principal::Account { name, .. } => name.to_string(),
            other => other.id().to_owned(),
        }
    }

    fn is_open(&self) -> bool {
        self.authorizer.is_open()
    }

    fn is_trusted_by_place(&self, caller: &Principal) -> bool {
        self.trusts_place && *caller == Principal::Anonymous
    }
}

/// What a route takes, as the authorization function asks.
fn permission(permission: isobase_http::Permission) -> Permission {
    match permission {
        isobase_http::Permission::Public => Permission::Public,
        isobase_http::Permission::Anyone => Permission::Anyone,
        isobase_http::Permission::Read => Permission::Read,
        isobase_http::Permission::Write => Permission::Write,
        isobase_http::Permission::ReadByRules => Permission::ReadByRules,
        isobase_http::Permission::WriteByRules => Permission::WriteByRules,
        isobase_http::Permission::ReadOf(feature) => Permission::ReadOf(feature),
        isobase_http::Permission::WriteOf(feature) => Permission::WriteOf(feature),
        isobase_http::Permission::Admin => Permission::Admin,
    }
}

/// The key a request carries. Only headers are looked at: a URL ends up in logs. Two different
/// keys are no key.
pub(crate) fn credentials(headers: &HeaderMap) -> Option<&str> {
    let bearer = single(headers, header::AUTHORIZATION).and_then(|value| {
        let (scheme, key) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim_start_matches(' '))
    });
    match (bearer, single(headers, X_API_KEY)) {
        (Some(bearer), Some(key)) if bearer != key => Some(""),
        (Some(key), _) | (None, Some(key)) => Some(key),
        (None, None) => None,
    }
}

fn single(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn keys_come_from_two_headers() {
        let cases = [
            (&[] as &[_], None),
            (&[("authorization", "Bearer a")], Some("a")),
            (&[("authorization", "bearer  a")], Some("a")),
            (&[("authorization", "Basic a")], None),
            (&[("x-api-key", "a")], Some("a")),
            (&[("x-api-key", "a"), ("authorization", "Bearer b")], Some("")),
            (&[("authorization", "Bearer a"), ("authorization", "Bearer a")], None),
        ];
        for (pairs, key) in cases {
            assert_eq!(credentials(&headers(pairs)), key, "{pairs:?}");
        }
    }
}
